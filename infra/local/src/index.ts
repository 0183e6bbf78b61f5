export { STACK_ERROR_CODES, StackError, type StackErrorCode } from './errors';
export type { Faults } from './faults';
export { readKeys } from './data-files';
export { eventLogAddress } from './addresses';
export { freePort, HOST } from './ports';
export { Proxy, type NetworkFault } from './proxy';
export { PART_NAMES, type PartName } from './part';
export { REGIONS_DEFAULT, Stack, type Status, type UpOptions } from './stack';
export { startForTests, stopAfterTests, type TestStack } from './testing';
