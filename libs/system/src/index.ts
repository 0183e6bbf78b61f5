export { systemClock } from './clock';
export { nodeHash } from './hash';
export { seededRandom, systemRandom } from './random';
