export { runSeed, type RunOptions, type RunResult } from './run';
export { SWITCHES, type SwitchName } from './switches';
