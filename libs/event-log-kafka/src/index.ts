export { KafkaEventLog } from './log';
export type { KafkaAppendOptions, KafkaConnectionOptions, KafkaEventLogOptions, KafkaGroupOptions, KafkaSasl } from './options';
export { createTopic, type KafkaTopicOptions } from './topic';
