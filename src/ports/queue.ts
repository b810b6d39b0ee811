/** A received message. Its receipt names this one delivery; a redelivery has another. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  readonly receipt: string;
  /** How often it was received, this time included: 1 for the first. Approximate. */
  readonly receiveCount: number;
  readonly sentAt: Date;
}

export interface ReceiveOptions {
  /** At most this many, 1 to 10. */
  readonly max: number;
  /** How long to wait for the first one, 0 to 20 s. Resolves to [] when none came. */
  readonly waitSeconds: number;
  /** For how long nobody else gets them unless extended, 1 to 43,200 s. */
  readonly visibilityTimeoutSeconds: number;
  /**
   * Aborting resolves, as soon as that is safe, to [] or to what had already come: no message is left hidden. An adapter
   * whose poll cannot be called back lets it return.
   */
  readonly signal?: AbortSignal;
}

/** Approximate, and on AWS up to a minute old, unless the queue `countsExactly`: one zero is no proof of emptiness. */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
  /** Age of the oldest visible message where the queue knows it. */
  readonly oldestAgeSeconds?: number;
}

/**
 * At-least-once delivery with SQS's promises: messages may repeat and reorder; a message not deleted before its
 * visibility timeout comes again; after `maxReceives` receives it moves to the dead-letter queue instead.
 *
 * A body is what SQS carries: at least one character of well-formed Unicode, without U+FFFE, U+FFFF and the control
 * characters other than tab, line feed and carriage return. JSON text without lone surrogates always is.
 *
 * `send` resolves when the message is durable. Deleting, extending or releasing with a stale receipt (the message
 * was redelivered or is gone) is not an error and leaves the new delivery alone; a receipt is not used after `release`. Failures are NotFoundError when the queue is gone (also for
 * a receive that waits when it goes), UnavailableError, ThrottledError, FacefleetError `limit-exceeded` for a message
 * over the queue's `maxMessageBytes` and `bad-request` for an argument outside its range.
 */
export interface Queue {
  readonly name: string;
  /** Whether `depth` tells the counts of this very moment. Absent: it does not. */
  readonly countsExactly?: boolean;
  /** Visible after `delaySeconds`, 0 (the default) to 900. */
  send(body: string, options?: { delaySeconds?: number }): Promise<void>;
  /** All or, on rejection, an unknown part of them (senders repeat; receivers tolerate repeats). Any number. */
  sendBatch(bodies: readonly string[]): Promise<void>;
  receive(options: ReceiveOptions): Promise<QueueMessage[]>;
  delete(receipt: string): Promise<void>;
  deleteBatch(receipts: readonly string[]): Promise<void>;
  /** Hide it for this long from now on, 1 to 43,200 s. */
  extend(receipt: string, visibilityTimeoutSeconds: number): Promise<void>;
  /** Give it back, visible after `delaySeconds`, 0 (the default) to 43,200. */
  release(receipt: string, delaySeconds?: number): Promise<void>;
  depth(): Promise<QueueDepth>;
}

export interface QueueSettings {
  /** Largest message in bytes of UTF-8, 1,024 (the default, the course's cap) to 262,144. */
  readonly maxMessageBytes?: number;
  /** Where messages go after `maxReceives` (1 to 1,000); it must exist, else NotFoundError. */
  readonly deadLetter?: { readonly queue: string; readonly maxReceives: number };
  /** How long a message is kept, 60 to 1,209,600 s (default: 345,600 s, four days). */
  readonly retentionSeconds?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * Its messages only hasten what would be found out anyway, so a power cut may take them; the death of a process still
   * may not. Cheaper where the disk is ours; other adapters keep them all. Default false.
   */
  readonly hintsOnly?: boolean;
}

/** The queues of one deployment. */
export interface QueueService extends AsyncDisposable {
  /** Creates the queue or, if it exists, keeps its messages and replaces its settings. Names are 1 to 80 of A-Z, a-z, 0-9, `-`, `_`. */
  ensure(name: string, settings?: QueueSettings): Promise<Queue>;
  /** A handle; sends to a queue that does not exist reject with NotFoundError. */
  open(name: string): Queue;
  list(prefix: string): Promise<{ name: string; tags: Readonly<Record<string, string>> }[]>;
  /** Deletes the queue and its messages; a missing one is not an error. */
  remove(name: string): Promise<void>;
}
