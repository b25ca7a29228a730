import type { Deadlines } from './deadlines.ts';
import type { TrackingListener } from './redis-link.ts';

/** The number of a lane's last announcement. A lane that begins anew has another epoch. */
export interface LaneNumber {
  readonly epoch: string;
  readonly count: number;
}

export interface AnnouncementParts {
  /** Channels to listen on, one per lane. */
  readonly lanes: readonly string[];
  /** This process, as it signs its announcements. */
  readonly sender: string;
  readonly listener: TrackingListener;
  /** Listens on a lane, if it does not yet; called again and again with the same function. */
  readonly subscribe: (lane: string, onMessage: (message: string, lane: string) => void) => Promise<unknown>;
  /** Asks for a lane's number, and keeps it being numbered. */
  readonly ask: (lane: string) => Promise<LaneNumber>;
  /** How long an announcement may take to arrive. */
  readonly deadlines: Deadlines;
}

interface Lane {
  heard: LaneNumber | undefined;
  /** Whether it was asked for its number since it is listened on: what was before is not known. */
  begun: boolean;
  /** Wait for the lane to be heard up to a number; one per running proof. */
  readonly waits: Set<{ readonly upTo: LaneNumber; readonly resolve: (heard: boolean) => void }>;
}

/**
 * Changes as those who make them publish them, for servers that do not track keys. In the step that makes a change, the
 * change gets the next number of its lane, so that one that was not heard leaves a gap: either the next one comes with too
 * high a number, or the lane, asked for its number, has a higher one than was heard.
 */
export class Announcements {
  readonly #with: AnnouncementParts;
  readonly #lanes: ReadonlyMap<string, Lane>;

  constructor(parts: AnnouncementParts) {
    this.#with = parts;
    this.#lanes = new Map(parts.lanes.map((lane) => [lane, { heard: undefined, begun: false, waits: new Set() }]));
  }

  /** Resolves with true when everything that was announced before the call has been heard, on every lane. */
  async prove(): Promise<boolean> {
    const proven = await Promise.all([...this.#lanes].map(([name, lane]) => this.#proveLane(name, lane)));
    if (proven.every(Boolean)) return true;
    this.#with.listener.onGap();
    return false;
  }

  /** `epoch number sender name`, as the scripts write it. */
  readonly #onMessage = (message: string, laneName: string): void => {
    const lane = this.#lanes.get(laneName);
    const parts = /^(\S+) (\d+) (\S+) (.*)$/s.exec(message);
    if (!lane || !parts) return;
    const [, epoch, count, sender, name] = parts as unknown as [string, string, string, string, string];
    const number = { epoch, count: Number(count) };
    const { heard } = lane;
    const isNext = heard !== undefined && epoch === heard.epoch && number.count <= heard.count + 1;
    // Late or twice, it is passed on all the same, but takes nothing back.
    if (!isNext || number.count > heard.count) lane.heard = number;
    if (heard !== undefined && !isNext) this.#with.listener.onGap();
    if (sender !== this.#with.sender) this.#with.listener.onKey(name);
    for (const wait of lane.waits) if (reaches(lane.heard, wait.upTo)) wait.resolve(true);
  };

  async #proveLane(name: string, lane: Lane): Promise<boolean> {
    const { subscribe, ask, deadlines } = this.#with;
    await deadlines.bound(subscribe(name, this.#onMessage));
    const { heard } = lane;
    const asked = await ask(name);
    // A replica that took over may not know of the last changes, and gives their numbers to others.
    const wentBack = heard !== undefined && heard.epoch === asked.epoch && heard.count > asked.count;
    const known = lane.begun && !wentBack && (reaches(lane.heard, asked) || (await this.#hears(lane, asked)));
    lane.begun = true;
    if (wentBack || !reaches(lane.heard, asked)) lane.heard = asked;
    return known;
  }

  /** Whether what was announced is still on its way, and arrives. */
  async #hears(lane: Lane, upTo: LaneNumber): Promise<boolean> {
    // A lane that begins anew, with nothing said, has nothing on its way.
    if (lane.heard?.epoch !== upTo.epoch && upTo.count === 0) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const wait = { upTo, resolve };
    lane.waits.add(wait);
    const heard = await this.#with.deadlines.bound(promise).catch(() => false);
    lane.waits.delete(wait);
    return heard;
  }
}

function reaches(heard: LaneNumber | undefined, asked: LaneNumber): boolean {
  return heard !== undefined && heard.epoch === asked.epoch && heard.count >= asked.count;
}
