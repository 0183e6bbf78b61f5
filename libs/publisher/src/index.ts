export { PUBLISHER_ERROR_CODES, PublisherError, type PublisherErrorCode } from './errors';
export { Publisher, type PublisherEvent, type PublisherOptions } from './publisher';
export type { Rejection } from './sender';
