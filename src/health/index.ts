export type {
  ActionName,
  AdminActions,
  ChangesRequest,
  EndpointRequest,
  HeapProfileRequest,
  LimitsRequest,
  PurgeRequest,
  ShedLevelRequest,
  SilenceRequest,
  WarmRequest,
} from './admin-actions.ts';
export { CONTROL_HEADER } from './admin-guard.ts';
export { adminOptions, type AdminOptions, type AdminSettings } from './admin-options.ts';
export { AdminListener, createAdmin, type AdminEvents, type AdminParts, type AuditEntry, type Readiness } from './admin.ts';
export type { HealthEvents } from './events.ts';
export { type MetricsFormat } from './exposition.ts';
export { createHealth, Health, type HealthSources } from './health.ts';
export type { FleetSlice } from './fleet-history.ts';
export { SqliteHistory, type HistoryQuery, type HistoryStore, type KeptHistory, type MachineHistory } from './history-store.ts';
export { createRedisHistory, type RedisHistoryOptions } from './redis-history.ts';
export { recordHeapProfile } from './heap-profile.ts';
export { History, TIERS, type HistoryRow, type HistorySlice, type Tier } from './history.ts';
export { healthOptions, type HealthOptions, type HealthSettings } from './options.ts';
export { createOtlpExport, otlpExportFrom } from './otlp.ts';
export { otlpOptions, type OtlpEvents, type OtlpExport, type OtlpOptions } from './otlp-options.ts';
export type { Overview, StreamMessage, WorkerRow } from './overview.ts';
export { measureProcess, memoryLimitBytes, type ProcessMetrics } from './process-metrics.ts';
export { createRecorder, Recorder, type RecorderEvents, type RunningTimer, type SlowQuery } from './recorder.ts';
export { recorderOptions, type RecorderOptions } from './recorder-options.ts';
export type { Cause, Condition, Status, Verdict } from './status.ts';
export { terminalView, type TerminalMoment, type TerminalPaint } from './terminal-view.ts';
export { type Change, type ChangeKind } from './timeline.ts';
export { HeardVerdict, type VerdictReport } from './verdict-report.ts';
export type { WorkerState } from './workers.ts';
