export { STACK_ERROR_CODES, StackError, type StackErrorCode } from './errors';
export type { Faults } from './faults';
export { PART_NAMES, type PartName } from './part';
export { REGIONS_DEFAULT, Stack, type Status, type UpOptions } from './stack';
export { startForTests, stopAfterTests, type TestStack } from './testing';
