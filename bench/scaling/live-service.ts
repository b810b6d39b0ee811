import { enrolSitters, type NamedPicture, picturesOf } from '../../test/prove/check.ts';
import { Service } from '../../test/support/service.ts';
import { controllerLines, courseOf, type FleetCourse } from './fleet-course.ts';

const DIFFERENT_PICTURES = 50;
/** Of the longer side. */
const PICTURE_PX = 640;
const REST_SECONDS = 180;
const LOOK_MS = 250;

/** What a run was like: seconds since its first picture was accepted. */
export interface LiveRun {
  readonly arrivals: readonly number[];
  readonly course: FleetCourse;
  /** When the last one was answered; where answers are not waited for, when it was accepted. */
  readonly lastAnswerSeconds: number;
}

/** A service as `npm start` starts it, with real worker processes, that pictures are sent to by a plan. */
export class LiveService implements AsyncDisposable {
  readonly #service: Service;
  readonly #pictures: readonly NamedPicture[];

  private constructor(service: Service, pictures: readonly NamedPicture[]) {
    this.#service = service;
    this.#pictures = pictures;
  }

  static async start(flags: readonly string[]): Promise<LiveService> {
    const service = await Service.start({ flags });
    const people = await enrolSitters(service);
    const wanted = { count: DIFFERENT_PICTURES, seed: 1, sidePx: PICTURE_PX };
    return new LiveService(service, await picturesOf(people, wanted));
  }

  /**
   * Waits for idleness, sends a picture at each of these seconds, and follows the fleet until it is gone again.
   * `isAnswered`: each is sent by somebody who waits for what is on it.
   */
  async play(plan: readonly number[], { isAnswered = false } = {}): Promise<LiveRun> {
    await this.#rest(0);
    const mark = this.#service.log.length;
    const startedAt = Date.now();
    const accepted = await Promise.all(
      plan.map(async (seconds, index) => {
        await pause(startedAt + seconds * 1000 - Date.now());
        await this.#send(this.#pictures[index % DIFFERENT_PICTURES]!, isAnswered);
        return Date.now();
      }),
    );
    await this.#rest(mark);
    const first = Math.min(...accepted);
    return {
      arrivals: accepted.map((at) => (at - first) / 1000).sort((one, other) => one - other),
      course: courseOf(controllerLines(this.#service.log.slice(mark)), first),
      lastAnswerSeconds: (Math.max(...accepted) - first) / 1000,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#service[Symbol.asyncDispose]();
  }

  /** Until all that the log tells of since this place in it are gone. Looking for processes would take what is measured. */
  async #rest(mark: number): Promise<FleetCourse> {
    const deadline = Date.now() + REST_SECONDS * 1000;
    for (;;) {
      const course = courseOf(controllerLines(this.#service.log.slice(mark)), 0);
      if (course.steps.at(-1)?.up === 0) return course;
      if (Date.now() > deadline) throw new Error(`workers are left after ${REST_SECONDS} s`);
      await pause(LOOK_MS);
    }
  }

  async #send({ bytes }: NamedPicture, isAnswered: boolean): Promise<void> {
    const answer = await fetch(`${this.#service.url}/v1/recognitions`, {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg', ...(!isAnswered && { prefer: 'respond-async' }) },
      body: new Uint8Array(bytes),
    });
    const text = await answer.text();
    const expected = isAnswered ? 200 : 202;
    if (answer.status !== expected) throw new Error(`${answer.status}, expected ${expected}: ${text}`);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}
