/** What runs on an instance, as its hypervisor sees it. */
export interface Guest {
  /** Resolves when it has turned the machine off by itself. */
  readonly poweredOff: Promise<void>;
  /** Presses the power button: it may end in its own time. */
  askToEnd(): void;
  /** Pulls the plug; resolves when nothing of it runs any more. */
  kill(): Promise<void>;
}

/** What a guest can know about its machine. */
export interface GuestSettings {
  readonly instanceId: string;
  readonly userData: string;
  /** `http://127.0.0.1:port` of its own instance metadata service. */
  readonly metadataEndpoint: string;
}

export type Boot = (settings: GuestSettings) => Guest;

/** A machine on which nothing runs. */
export const bootNothing: Boot = () => ({
  poweredOff: new Promise(() => {}),
  askToEnd: () => {},
  kill: async () => {},
});
