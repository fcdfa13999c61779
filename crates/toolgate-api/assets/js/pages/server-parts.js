// How a server stands, said the same way on every page.

import { h } from '../dom.js';
import { count } from '../format.js';
import { badge, hinted, notice } from '../parts.js';

/**
 * One word for how a server stands, and why.
 * @param {any} server as the API lists it
 * @returns {{kind: 'good'|'warn'|'bad'|'plain', word: string, why: string|null, todo: 'secrets'|'reviews'|'logs'|'test'|null}}
 */
export function standing(server) {
  if (!server.enabled) return { kind: 'plain', word: 'switched off', why: 'Its tools are neither listed nor callable.', todo: null };
  if (server.missing_secrets.length) return { kind: 'bad', word: 'needs a secret', why: `No value is set for ${server.missing_secrets.join(', ')}.`, todo: 'secrets' };
  if (server.quarantined) return { kind: 'bad', word: 'held', why: `Its tools are held: ${server.quarantined}.`, todo: 'reviews' };
  if (server.held) return { kind: 'bad', word: 'crashed', why: `Its process ended: ${server.held.reason}.`, todo: 'logs' };
  if (server.circuit === 'open') return { kind: 'bad', word: 'not answering', why: 'Its last calls failed, so calls to it fail at once until it answers again.', todo: 'test' };
  if (server.circuit === 'probing') return { kind: 'warn', word: 'being tried', why: 'It failed before; one call finds out whether it is back.', todo: 'test' };
  if (server.waiting) return { kind: 'warn', word: 'review', why: `${count(server.waiting, 'tool')} of it wait${server.waiting === 1 ? 's' : ''} for an approval.`, todo: 'reviews' };
  if (!server.revision) return { kind: 'warn', word: 'never reached', why: 'The gateway has not heard from it yet.', todo: 'test' };
  if (server.circuit === null || server.circuit === undefined) return { kind: 'plain', word: 'gateway is off', why: 'No gateway is running, so nothing can be called.', todo: null };
  return { kind: 'good', word: 'ready', why: null, todo: null };
}

export function standingBadge(server) {
  const { kind, word, why } = standing(server);
  return badge(kind, word, why);
}

/** Where a server is: its URL, or the command that starts it. */
export function place(server) {
  return h('code', { class: 'clip', title: server.url ?? server.command?.join(' ') }, server.url ?? server.command?.join(' '));
}

/** What a test found. */
export function probeSaid(probe) {
  if (probe.state === 'ok') {
    return notice('good', h('strong', null, 'It answered. '), `It speaks ${probe.revision} and has ${count(probe.tools.length, 'tool')}`,
      probe.server_info?.name && `; it calls itself ${probe.server_info.name} ${probe.server_info.version ?? ''}`, '.');
  }
  if (probe.state === 'secrets_missing') return notice('warn', h('strong', null, 'Not tried: '), 'secrets that it needs have no value yet.');
  if (probe.state === 'gateway_not_running') return notice('warn', h('strong', null, 'Not tried: '), 'no gateway is running. Start one with ', h('code', null, 'toolgate'), '.');
  return notice('bad', h('strong', null, hinted(probe.error)), probe.hint && h('p', null, hinted(probe.hint)));
}
