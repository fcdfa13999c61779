// What the calls of the last day say, for pages that show a server or a tool beside its traffic.

const FAILED = new Set(['tool_error', 'rpc_error', 'timed_out', 'unreachable', 'internal']);
const WORDS = {
  ok: ['good', 'ok'], tool_error: ['bad', 'tool error'], rpc_error: ['bad', 'error'], refused: ['warn', 'refused'], rate_limited: ['warn', 'rate limited'],
  cancelled: ['plain', 'cancelled'], revoked: ['warn', 'revoked'], timed_out: ['bad', 'timed out'], unreachable: ['bad', 'unreachable'], internal: ['bad', 'internal'], begun: ['plain', 'running'],
};

/** The colour and the word of a call's status. */
export function status(call) {
  return WORDS[call.status] ?? ['plain', String(call.status).replaceAll('_', ' ')];
}

export function failed(call) {
  return FAILED.has(call.status);
}

/** The newest calls of the last 24 hours, at most a thousand; none while there is no such route. */
export async function recent(api) {
  let calls = [];
  try {
    calls = await api.calls.list({ since: '24h', limit: 1000 });
  } catch (error) {
    if (error.status !== 404 && error.status !== 501) throw error;
  }
  calls = [...calls].sort((one, other) => (one.time < other.time ? 1 : -1));
  return { calls, by: (member, value) => summary(calls.filter((call) => call[member] === value)) };
}

function summary(calls) {
  const times = calls.map((call) => call.duration_ms).sort((one, other) => one - other);
  const error = calls.find(failed);
  return {
    length: calls.length,
    median: times.length ? times[Math.floor((times.length - 1) / 2)] : null,
    errors: calls.filter(failed).length,
    lastError: error ? `${status(error)[1]}${error.error_code ? ` (${error.error_code})` : ''}` : null,
    lastErrorAt: error?.time ?? null,
  };
}
