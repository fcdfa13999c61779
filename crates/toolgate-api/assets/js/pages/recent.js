// What the calls of the last day say, for pages that show a server or a tool beside its traffic.

import { ifThere } from '../api.js';

const FAILED = new Set(['tool_error', 'rpc_error', 'timed_out', 'unreachable', 'overloaded', 'internal']);
const WORDS = {
  ok: ['good', 'ok'], tool_error: ['bad', 'tool error'], rpc_error: ['bad', 'error'], refused: ['warn', 'refused'], rate_limited: ['warn', 'rate limited'],
  cancelled: ['plain', 'cancelled'], revoked: ['warn', 'revoked'], timed_out: ['bad', 'timed out'], unreachable: ['bad', 'unreachable'], overloaded: ['bad', 'overloaded'], internal: ['bad', 'internal'], begun: ['plain', 'running'],
};

/** The colour and the word of a call's status. */
export function status(call) {
  return WORDS[call.status] ?? ['plain', String(call.status).replaceAll('_', ' ')];
}

export function failed(call) {
  return FAILED.has(call.status);
}

const DAY = 24 * 3600e3;

/**
 * The last 24 hours: the newest calls themselves, and what all of them come to for each server and hour. Where this
 * installation has no analytics, both are of the newest calls.
 */
export async function recent(api) {
  const asked = { from: new Date(Date.now() - DAY).toISOString(), to: new Date().toISOString() };
  const [newest, servers, hours] = await Promise.all([
    api.calls.list({ since: DAY / 1000, limit: 500 }),
    ifThere(api.analytics({ ...asked, group_by: 'server' })), ifThere(api.analytics({ ...asked, group_by: 'hour' }))]);
  const calls = [...newest].sort((one, other) => (one.time < other.time ? 1 : -1));
  return {
    calls,
    total: hours?.total ?? figures(calls),
    hours: hours?.rows ?? perHour(calls),
    of: (server) => {
      const own = calls.filter((call) => call.server === server);
      const error = own.find(failed);
      return {
        ...(servers ? servers.rows.find((row) => row.key === server) ?? figures([]) : figures(own)),
        list: own,
        lastError: error ? `${status(error)[1]}${error.error_code ? ` (${error.error_code})` : ''}` : null,
        lastErrorAt: error?.time ?? null,
      };
    },
  };
}

/** What calls come to, in the words of the analytics. */
function figures(calls) {
  const times = calls.filter((call) => call.server).map((call) => call.duration_ms).sort((one, other) => one - other);
  const at = (part) => (times.length ? times[Math.min(times.length - 1, Math.floor(times.length * part))] : null);
  const errors = calls.filter(failed).length;
  const ok = calls.filter((call) => call.status === 'ok').length;
  return { calls: calls.length, ok, errors, success_rate: ok + errors ? ok / (ok + errors) : null, p50_ms: at(0.5), p95_ms: at(0.95) };
}

function perHour(calls) {
  const hour = (when) => Math.floor(when / 3600e3) * 3600e3;
  const now = hour(Date.now());
  return Array.from({ length: 24 }, (_, index) => now - (23 - index) * 3600e3)
    .map((when) => ({ key: new Date(when).toISOString(), ...figures(calls.filter((call) => hour(Date.parse(call.time)) === when)) }));
}
