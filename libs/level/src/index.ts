export type { IteratorOptions } from 'classic-level';
export { Database, type DatabaseOptions, type Level, type Write } from './database';
export { causeOf } from './cause';
