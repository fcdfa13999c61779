// Which page an address names.

import * as alerts from './pages/alerts.js';
import * as audit from './pages/audit.js';
import * as installation from './pages/installation.js';
import * as calls from './pages/calls.js';
import * as live from './pages/live.js';
import * as member from './pages/member.js';
import * as members from './pages/members.js';
import * as overview from './pages/overview.js';
import * as analytics from './pages/analytics.js';
import * as reviews from './pages/reviews.js';
import * as secrets from './pages/secrets.js';
import * as servers from './pages/servers.js';
import * as server from './pages/server.js';
import * as settings from './pages/settings.js';
import * as tokens from './pages/tokens.js';
import * as tools from './pages/tools.js';
import * as spaces from './pages/workspaces.js';
import { empty, linkButton } from './parts.js';

const INSIDE = {
  '': overview.page, live: live.page, calls: calls.page, analytics: analytics.page, servers: servers.page, tools: tools.page,
  reviews: reviews.page, secrets: secrets.page, tokens: tokens.page, members: members.page, alerts: alerts.page, audit: audit.page, settings: settings.page,
};

const nowhere = {
  title: 'Not here',
  view: () => empty('search', 'There is no such page', 'The address may be of another version, or was cut short.', linkButton('All workspaces', '#/')),
};

/**
 * @param {string[]} parts of the address
 * @returns {{page: any, given: Record<string, string>}}
 */
export function routes(parts) {
  const [first, slug, section = '', name] = parts;
  if (first === undefined) return { page: spaces.page, given: {} };
  if (first === 'audit') return { page: audit.everywhere, given: {} };
  if (first === 'settings') return { page: installation.page, given: {} };
  if (first !== 'w' || !slug) return { page: nowhere, given: {} };
  if (section === 'servers' && name) return { page: server.page, given: { slug, name } };
  if (section === 'calls' && name) return { page: calls.one, given: { slug, name } };
  if (section === 'members' && name) return { page: member.page, given: { slug, name } };
  return { page: INSIDE[section] ?? nowhere, given: { slug } };
}
