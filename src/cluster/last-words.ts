import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Room for one request; the longest fingerprint in UTF-8 fits. */
const PLACE_BYTES = 768;
/** Requests a worker keeps a record of; what comes above goes without. */
export const MOST_REQUESTS = 1024;

/** The descriptor under which a worker finds its record. */
export const LAST_WORDS_FD = 4;

/**
 * What a worker was doing when it died. The primary opens the file, takes its name away, so that nothing stays behind
 * whatever happens, and hands the descriptor on: what the worker wrote can be read after any death.
 */
export class LastWords {
  readonly fd: number;

  /** Undefined where no temporary file can be made: then nobody learns what a worker died of. */
  static open(): LastWords | undefined {
    // Memory, where the system offers it as files: requests shall not wait for a disk.
    for (const folder of ['/dev/shm', tmpdir()].filter(existsSync)) {
      const path = join(folder, `spillway-${randomBytes(12).toString('hex')}`);
      try {
        const fd = openSync(path, 'wx+', 0o600);
        unlinkSync(path);
        return new LastWords(fd);
      } catch {
        // Read-only, or full: the next one.
      }
    }
    return undefined;
  }

  constructor(fd: number) {
    this.fd = fd;
  }

  /** @returns false when it could not be written. */
  write(place: number, fingerprint: string): boolean {
    return this.#put(place, encoded(fingerprint));
  }

  erase(place: number): boolean {
    return this.#put(place, NOTHING);
  }

  /** Everything at once, in place of what is there. */
  writeAll(fingerprints: readonly string[]): boolean {
    return this.clear() && (fingerprints.length === 0 || this.#put(0, Buffer.concat(fingerprints.map(encoded))));
  }

  clear(): boolean {
    return succeeds(() => ftruncateSync(this.fd));
  }

  read(): string[] {
    const bytes = Buffer.alloc(Math.min(fstatSync(this.fd).size, MOST_REQUESTS * PLACE_BYTES));
    readSync(this.fd, bytes, 0, bytes.length, 0);
    const fingerprints: string[] = [];
    for (let at = 0; at < bytes.length; at += PLACE_BYTES) {
      const end = bytes.indexOf(0, at);
      const text = bytes.toString('utf8', at, end === -1 ? bytes.length : Math.min(end, at + PLACE_BYTES));
      if (text !== '') fingerprints.push(text);
    }
    return fingerprints;
  }

  close(): void {
    closeSync(this.fd);
  }

  #put(place: number, bytes: Buffer): boolean {
    return succeeds(() => writeSync(this.fd, bytes, 0, bytes.length, place * PLACE_BYTES));
  }
}

const NOTHING = Buffer.alloc(1);

function encoded(fingerprint: string): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES);
  bytes.write(fingerprint, 0, PLACE_BYTES - 1, 'utf8');
  return bytes;
}

function succeeds(write: () => void): boolean {
  try {
    write();
    return true;
  } catch {
    return false;
  }
}
