export { runSeed, type RunOptions, type RunResult } from './run';
export { Scheduler } from './scheduler';
export { SWITCHES, type SwitchName } from './switches';
