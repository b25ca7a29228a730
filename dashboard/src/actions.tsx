import { useEffect, useRef, useState } from 'preact/hooks';
import { postJson } from './connection.ts';

/** Something to do, once it is confirmed. */
export interface PlannedAction {
  readonly title: string;
  /** What it will do, in a sentence. */
  readonly text: string;
  readonly path: string;
  readonly body: unknown;
}

export type Act = (action: PlannedAction) => void;

interface ConfirmProps {
  readonly action: PlannedAction | undefined;
  readonly onClose: (outcome: string | undefined, failed: boolean) => void;
}

/** Asks before anything is done, and tells how it ended. */
export function ConfirmDialog({ action, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = useRef<PlannedAction>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    shown.current = action;
    if (action) dialog.current?.showModal();
    else dialog.current?.close();
  }, [action]);
  // The browser tells of a closing late: meanwhile the next action may have been asked for.
  const closed = (): void => {
    if (action && action === shown.current && !dialog.current?.open) onClose(undefined, false);
  };
  const perform = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!action) return;
    setBusy(true);
    try {
      const { file } = await postJson<{ file?: string }>(action.path, action.body);
      onClose(`Done: ${action.title.replace(/\?$/, '')}${file ? `. The file will be ${file}` : ''}.`, false);
    } catch (error) {
      onClose(`${action.title.replace(/\?$/, '')}: ${(error as Error).message}`, true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={closed} aria-labelledby="confirm-title">
      {action && (
        <form onSubmit={perform}>
          <h2 id="confirm-title">{action.title}</h2>
          <p>{action.text}</p>
          <footer>
            <button type="button" onClick={() => onClose(undefined, false)}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={busy}>
              {busy ? 'Working…' : 'Do it'}
            </button>
          </footer>
        </form>
      )}
    </dialog>
  );
}

interface ActionBarProps {
  readonly available: ReadonlySet<string>;
  readonly act: Act;
}

/** What can be done to the service as a whole. */
export function ActionBar({ available, act }: ActionBarProps) {
  const [what, setWhat] = useState('');
  const [soft, setSoft] = useState(true);
  const names = what.split(/[\s,]+/).filter(Boolean);
  const purge = (event: Event): void => {
    event.preventDefault();
    if (names.length === 0) return;
    const paths = names.filter((name) => name.startsWith('/'));
    const tags = names.filter((name) => !name.startsWith('/'));
    const text = soft
      ? 'The pages are marked stale: visitors still get them while new ones are made.'
      : 'The pages are removed: the next visitor of each waits for a new one.';
    act({ title: `Purge ${names.join(', ')}?`, text, path: 'purge', body: { tags, paths, soft } });
  };
  return (
    <section class="card" aria-labelledby="actions-title">
      <h2 id="actions-title">Actions</h2>
      {available.has('purge') && (
        <form class="purge" onSubmit={purge}>
          <label>
            Tags or paths to purge
            <input
              name="purge"
              value={what}
              placeholder="city:dallas /electricity-plans/austin"
              autocomplete="off"
              onInput={(event) => setWhat(event.currentTarget.value)}
            />
          </label>
          <label class="check">
            <input type="checkbox" checked={soft} onChange={(event) => setSoft(event.currentTarget.checked)} />
            soft: serve the old page until the new one is there
          </label>
          <button type="submit" disabled={names.length === 0}>
            Purge…
          </button>
        </form>
      )}
      <div class="buttons">
        {available.has('reload') && (
          <button
            type="button"
            onClick={() =>
              act({
                title: 'Reload the configuration?',
                text: 'Workers are replaced one by one; no request is lost.',
                path: 'reload',
                body: {},
              })
            }
          >
            Reload…
          </button>
        )}
      </div>
      {available.has('setShedLevel') && <ShedButtons act={act} />}
      {available.size === 0 && <p class="teach">This listener was given nothing to control.</p>}
    </section>
  );
}

/** What each level set by hand refuses. */
const SHED_LEVELS = [
  { level: 1, what: 'background work' },
  { level: 3, what: 'low priority' },
  { level: 6, what: 'normal and low' },
] as const;

/** Shedding decides by itself; by hand it is set for a while. */
function ShedButtons({ act }: { act: Act }) {
  const byItself = { title: 'Let shedding decide by itself?', text: 'It follows the load again.', body: { level: 0 } };
  const byHand = ({ level, what }: (typeof SHED_LEVELS)[number]) => ({
    title: `Refuse ${what} for 10 minutes?`,
    text: 'Every worker refuses such requests, whatever the load; stored pages are served all the same.',
    body: { level },
  });
  return (
    <div class="buttons" role="group" aria-label="Shedding">
      <span class="label">Refuse</span>
      {SHED_LEVELS.map((one) => (
        <button key={one.level} type="button" onClick={() => act({ ...byHand(one), path: 'shed/level' })}>
          {one.what}…
        </button>
      ))}
      <button type="button" onClick={() => act({ ...byItself, path: 'shed/level' })}>
        nothing…
      </button>
    </div>
  );
}
