import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Overview } from '../../src/health/overview.ts';
import type { Change } from '../../src/health/timeline.ts';
import { ActionBar, ConfirmDialog, type PlannedAction } from './actions.tsx';
import { AlertList } from './alert-list.tsx';
import { Budgets } from './budgets.tsx';
import { ChangeList } from './change-list.tsx';
import { ClassTable } from './class-table.tsx';
import { follow, getJson, setToken } from './connection.ts';
import { EndpointTable } from './endpoint-table.tsx';
import { MissList } from './miss-list.tsx';
import { PathStrip } from './path-strip.tsx';
import { ProtectionCard } from './protection.tsx';
import { RANGES, SignalStore, type RangeName, type Scope } from './signal-store.ts';
import { applyTheme, currentTheme, type Theme } from './theme.ts';
import { CHARTED, Tiles } from './tiles.tsx';
import { TokenForm } from './token-form.tsx';
import { STALE_MS, VerdictBar } from './verdict-bar.tsx';
import { WorkerGrid } from './worker-grid.tsx';

const MAX_CHANGES = 500;

export function App() {
  const [overview, setOverview] = useState<Overview>();
  const [changes, setChanges] = useState<readonly Change[]>([]);
  const [heardMs, setHeardMs] = useState(0);
  const [nowMs, setNowMs] = useState(Date.now());
  const [tokenState, setTokenState] = useState<'fine' | 'needed' | 'wrong'>('fine');
  const [available, setAvailable] = useState<ReadonlySet<string>>(new Set());
  const [action, setAction] = useState<PlannedAction>();
  const [notice, setNotice] = useState<{ text: string; failed: boolean }>();
  const [theme, setTheme] = useState<Theme>(currentTheme);
  const [range, setRange] = useState<RangeName>('15 min');
  const [scope, setScope] = useState<Scope>('machine');
  const [tick, setTick] = useState(0);
  const store = useMemo(() => new SignalStore(CHARTED), []);
  const known = useRef<Set<number>>(new Set());

  const load = useCallback(async () => {
    await store.load().catch(() => undefined);
    setTick((before) => before + 1);
  }, []);

  useEffect(() => {
    if (tokenState !== 'fine') return;
    const end = new AbortController();
    let fresh = true;
    void follow(
      {
        onMoment: ({ overview, changes, point }) => {
          if (fresh) {
            fresh = false;
            void load();
            void store.countMachines().catch(() => undefined);
            void getJson<{ name: string; available: boolean }[]>('api/actions')
              .then((all) => setAvailable(new Set(all.filter((one) => one.available).map(({ name }) => name))))
              .catch(() => undefined);
          }
          const unseen = changes.filter(({ id, atMs }) => !known.current.has(id + atMs));
          for (const { id, atMs } of unseen) known.current.add(id + atMs);
          if (unseen.length > 0) setChanges((before) => [...before, ...unseen].slice(-MAX_CHANGES));
          store.append(overview.atMs, point);
          setOverview(overview);
          setHeardMs(Date.now());
          setTick((before) => before + 1);
        },
        onTokenNeeded: (wrong) => setTokenState(wrong ? 'wrong' : 'needed'),
        onLost: () => (fresh = true),
      },
      end.signal,
    );
    const clock = setInterval(() => setNowMs(Date.now()), 500);
    return () => {
      end.abort();
      clearInterval(clock);
    };
  }, [tokenState]);

  useEffect(() => {
    store.range = range;
    store.scope = scope;
    void load();
    if (range === '15 min' && scope === 'machine') return;
    const timer = setInterval(() => void load(), 10_000);
    return () => clearInterval(timer);
  }, [range, scope]);

  useEffect(() => applyTheme(theme, false), [theme]);

  if (tokenState !== 'fine') {
    const onToken = (token: string): void => {
      setToken(token);
      setTokenState('fine');
    };
    return <TokenForm wrong={tokenState === 'wrong'} onToken={onToken} />;
  }
  const ageMs = overview ? Math.max(0, nowMs - heardMs) : 0;
  const closeDialog = (text: string | undefined, failed: boolean): void => {
    setAction(undefined);
    setNotice(text === undefined ? undefined : { text, failed });
  };
  return (
    <div class="page" data-stale={overview !== undefined && (ageMs > STALE_MS || overview.verdict === 'unknown')}>
      <header class="top">
        <p class="name">
          <b>{overview?.service.name ?? 'Spillway'}</b> <span class="muted">{overview?.service.version}</span>
        </p>
        {store.machines > 1 && (
          <div class="range" role="group" aria-label="Machines in the charts">
            {(['machine', 'fleet'] as const).map((name) => (
              <button key={name} type="button" aria-pressed={name === scope} onClick={() => setScope(name)}>
                {name === 'machine' ? 'This machine' : `All ${store.machines}`}
              </button>
            ))}
          </div>
        )}
        <div class="range" role="group" aria-label="Range of the charts">
          {(Object.keys(RANGES) as RangeName[]).map((name) => (
            <button key={name} type="button" aria-pressed={name === range} onClick={() => setRange(name)}>
              {name}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="theme"
          onClick={() => {
            const next = theme === 'dark' ? 'light' : 'dark';
            applyTheme(next, true);
            setTheme(next);
          }}
        >
          {theme === 'dark' ? 'Light' : 'Dark'}
        </button>
      </header>
      <main>
        <VerdictBar overview={overview} ageMs={ageMs} nowMs={nowMs} />
        {overview && (
          <>
            <AlertList alerts={overview.alerts} nowMs={nowMs} act={setAction} />
            <Budgets objectives={overview.objectives} />
            <Tiles overview={overview} store={store} changes={changes} theme={theme} tick={tick} />
            <PathStrip path={overview.path} endpoints={overview.endpoints} />
            <div class="columns">
              <div>
                <ClassTable classes={overview.classes} />
                <EndpointTable endpoints={overview.endpoints} available={available} act={setAction} />
                <WorkerGrid workers={overview.workers} nowMs={nowMs} available={available} act={setAction} />
              </div>
              <div>
                <ChangeList changes={changes} nowMs={nowMs} />
                <MissList misses={overview.misses} />
                <ProtectionCard overview={overview} />
                <ActionBar available={available} act={setAction} />
              </div>
            </div>
          </>
        )}
      </main>
      <ConfirmDialog action={action} onClose={closeDialog} />
      <p class="notice" role="status" data-failed={notice?.failed ?? false}>
        {notice?.text}
      </p>
    </div>
  );
}
