export { LevelEventLog, type LevelEventLogOptions } from './log';
