export type Place = 'path' | 'query' | 'body';

/** What is wrong with one value of a request. */
export interface Fault {
  readonly in: Place;
  /** `name`, or `faces/0/name` further down; empty for the whole body. */
  readonly field: string;
  /** As JSON, cut off after 80 characters; absent when the value is. */
  readonly value?: string;
  readonly expected: string;
}
