/** The typed client of a Facefleet service: needs `fetch` and nothing else, so Node from 20 up and browsers. */
export type { BatchLine } from './batch-results.ts';
export { FacefleetClient, type FleetEvent } from './client.ts';
export {
  type AddFacesOptions,
  type CallOptions,
  type FaceOfJob,
  GalleryClient,
  type RecogniseOptions,
  type RepeatableOptions,
  type StartOptions,
} from './gallery-client.ts';
export type * from './operations.ts';
export { OPERATIONS } from './operations.ts';
export type { NamedPicture, Picture } from './pictures.ts';
export { doneOrThrow, FacefleetApiError, FacefleetConnectionError, FacefleetJobError } from './problem.ts';
export type { OperationId, RetryOptions, TransportOptions } from './transport.ts';
export type { JobEvent } from './waiting.ts';
