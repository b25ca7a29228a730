/** Lets a server of the bench be asked, over the channel to its parent, where its CPU time goes. */
import { Session, type Profiler } from 'node:inspector/promises';

export interface ProfileQuestion {
  readonly profileMs: number;
}

export interface ProfileAnswer {
  readonly profile: Profiler.Profile;
  /** CPU the process used meanwhile, µs. */
  readonly cpuUs: number;
}

const SAMPLE_EVERY_US = 200;

export function answerProfileQuestions(): void {
  process.on('message', (question: ProfileQuestion) => void answer(question.profileMs));
}

async function answer(profileMs: number): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await session.post('Profiler.start');
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, profileMs));
  const { user, system } = process.cpuUsage(before);
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  process.send!({ profile, cpuUs: user + system } satisfies ProfileAnswer);
}
