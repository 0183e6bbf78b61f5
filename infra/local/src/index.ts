export { STACK_ERROR_CODES, StackError, type StackErrorCode } from './errors';
export type { PartName } from './jars';
export { PART_NAMES, REGIONS_DEFAULT, Stack, type Status, type UpOptions } from './stack';
export { startForTests, stopAfterTests, type TestStack } from './testing';
