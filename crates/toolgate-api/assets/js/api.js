// The management API, as every other program uses it. What is special to a browser: a session's cookie goes along
// by itself, so each change carries the session's token against forgery (S-78).

const BASE = '/api/community/mcp/workspaces';

/** Why something was refused, with what to do about it. */
export class ApiError extends Error {
  constructor(status, { code = 'failed', message, hint = null } = {}) {
    super(message ?? `the server answered with ${status}`);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

let csrf = '';
// A page that refreshes itself must not keep a session alive for nobody (S-77).
let touched = Date.now();
for (const kind of ['pointerdown', 'keydown', 'wheel']) addEventListener(kind, () => { touched = Date.now(); }, { passive: true, capture: true });

/** Set by the shell: what to do when the session is over, and how to ask for a password again. */
export const hooks = { signedOut: () => {}, stepUp: async () => false };

async function once(method, path, body, signal) {
  const headers = { accept: 'application/json' };
  if (Date.now() - touched > 60e3) headers['x-background'] = '1';
  if (method !== 'GET') headers['x-csrf-token'] = csrf;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin', cache: 'no-store', redirect: 'error',
    });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new ApiError(0, {
      code: 'unreachable', message: 'the dashboard’s server does not answer',
      hint: 'check that `toolgatectl serve` is running; this page goes on by itself when it is',
    });
  }
  const text = await response.text();
  let answer = null;
  try { answer = text ? JSON.parse(text) : null; } catch { /* said below */ }
  if (response.ok) return answer;
  const said = answer?.error;
  throw new ApiError(response.status, typeof said === 'object' && said ? said : { message: typeof said === 'string' ? said : undefined });
}

/**
 * One request. A refusal that asks for the password again asks for it, then tries once more.
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {AbortSignal} [signal]
 */
export async function call(method, path, body, signal) {
  try {
    return await once(method, path, body, signal);
  } catch (error) {
    if (error.status === 401 && !path.startsWith('/api/session')) hooks.signedOut();
    if (error.code === 'step_up_needed' && await hooks.stepUp()) return once(method, path, body, signal);
    throw error;
  }
}

const get = (path, query, signal) => call('GET', path + search(query), undefined, signal);
const enc = encodeURIComponent;

function search(query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

/** The one list inside an answer. */
async function list(name, path, query) {
  const answer = await get(path, query);
  const rows = answer[name] ?? [];
  rows.next = answer.next_cursor ?? null;
  return rows;
}

/** Everything there is, page after page, up to a bound. */
async function all(name, path, query, most = 2000) {
  let rows = await list(name, path, query);
  const found = [...rows];
  while (rows.next && found.length < most) {
    rows = await list(name, path, { ...query, cursor: rows.next });
    found.push(...rows);
  }
  return found;
}

/** What a route that this installation has not says: nothing, rather than an error. */
export async function ifThere(promise) {
  try {
    return await promise;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function kept(answer) {
  csrf = answer.csrf;
  return answer;
}

export const session = {
  get: async () => kept(await call('GET', '/api/session')),
  signIn: async (given) => kept(await call('POST', '/api/session', given)),
  setUp: async (given) => kept(await call('POST', '/api/session/setup', given)),
  join: async (given) => { await session.get(); return kept(await call('POST', '/api/session/join', given)); },
  stepUp: async (given) => kept(await once('POST', '/api/session/step-up', given)),
  signOut: () => call('DELETE', '/api/session'),
};

export const workspaces = {
  list: () => all('workspaces', BASE),
  create: (given) => call('POST', BASE, given),
};

/** What a link leads to, for whoever holds its code; nobody is signed in. */
export const invitations = {
  show: (code) => get(`/api/invite/${enc(code)}`),
  accept: (code) => call('POST', `/api/invite/${enc(code)}`, {}),
};

/** Everything inside one workspace. */
export function workspace(slug) {
  const at = `${BASE}/${enc(slug)}`;
  const server = (name) => `${at}/servers/${enc(name)}`;
  return {
    get: () => get(at),
    set: (given) => call('PATCH', at, given),
    remove: () => call('DELETE', at),
    test: () => call('POST', `${at}/test`, {}),
    servers: {
      list: () => all('servers', `${at}/servers`),
      add: (given) => call('POST', `${at}/servers`, given),
      set: (name, given) => call('PATCH', server(name), given),
      remove: (name) => call('DELETE', server(name)),
      test: (name) => call('POST', `${server(name)}/test`, {}),
      slow: (name) => get(`${server(name)}/slow`),
      logs: (name) => list('lines', `${server(name)}/logs`),
    },
    tools: {
      list: (name) => all('tools', `${at}/tools`, { server: name }),
      set: (name, tool, given) => call('PATCH', `${server(name)}/tools/${enc(tool)}`, given),
    },
    reviews: {
      list: async () => {
        const [tools, { servers }] = await Promise.all([all('reviews', `${at}/reviews`), get(`${at}/reviews`, { limit: 1 })]);
        return { tools, servers };
      },
      approve: (given) => call('POST', `${at}/reviews/approve`, given),
    },
    secrets: {
      list: () => all('secrets', `${at}/secrets`),
      set: (given) => call('POST', `${at}/secrets`, given),
      remove: (name, owner) => call('DELETE', `${at}/secrets/${enc(name)}${search({ server: owner })}`),
    },
    tokens: {
      list: () => all('tokens', `${at}/tokens`),
      create: (given) => call('POST', `${at}/tokens`, given),
      revoke: (id) => call('DELETE', `${at}/tokens/${enc(id)}`),
      inspect: (token) => call('POST', `${at}/inspect-token`, { token }),
    },
    members: {
      list: () => all('members', `${at}/members`),
      invite: (given) => call('POST', `${at}/invitations`, given),
      remove: (id) => call('DELETE', `${at}/members/${enc(id)}`),
      timeline: (who, query) => get(`${at}/members/${enc(who)}/timeline`, query),
      uninvite: (id) => call('DELETE', `${at}/invitations/${enc(id)}`),
    },
    alerts: {
      list: () => all('alerts', `${at}/alerts`),
      create: (given) => call('POST', `${at}/alerts`, given),
      set: (id, given) => call('PATCH', `${at}/alerts/${enc(id)}`, given),
      test: (id) => call('POST', `${at}/alerts/${enc(id)}/test`, {}),
      remove: (id) => call('DELETE', `${at}/alerts/${enc(id)}`),
    },
    calls: {
      list: (query) => list('calls', `${at}/calls`, query),
      get: (id) => get(`${at}/calls/${enc(id)}`),
      live: (query) => `${at}/calls/live${search(query)}`,
      file: (query) => `${at}/calls/export${search(query)}`,
    },
    analytics: (query) => get(`${at}/analytics`, query),
    audit: (query) => list('audit', `${at}/audit`, query),
  };
}

export const installation = {
  audit: (query) => list('audit', '/api/audit', query),
  status: () => get('/api/status'),
  keys: {
    list: () => all('keys', '/api/keys'),
    create: (given) => call('POST', '/api/keys', given),
    revoke: (id) => call('DELETE', `/api/keys/${enc(id)}`),
  },
  team: {
    list: () => all('team', '/api/team'),
    invite: (given) => call('POST', '/api/team', given),
    remove: (id) => call('DELETE', `/api/team/${enc(id)}`),
  },
  settings: {
    list: () => all('settings', '/api/settings'),
    set: (name, value) => call('PATCH', `/api/settings/${enc(name)}`, { value }),
  },
  plan: {
    list: async () => (await get('/api/plan')).plans,
    set: (given) => call('PATCH', '/api/plan', given),
  },
  usage: () => get('/api/billing/usage'),
};
