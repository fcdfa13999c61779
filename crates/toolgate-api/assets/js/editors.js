// Blocks to paste: one workspace and one token, in the words of each editor.

const pretty = (value) => JSON.stringify(value, null, 2);

/**
 * What to paste where, for each client.
 * @param {string} slug
 * @param {string} url
 * @param {string} token
 * @returns {Array<{name: string, where: string, text: string}>}
 */
export function editors(slug, url, token) {
  const headers = { Authorization: `Bearer ${token}` };
  return [
    {
      name: 'Claude Code', where: 'Run in the project’s folder',
      text: `claude mcp add --transport http ${slug} ${url} \\\n  --header "Authorization: Bearer ${token}"`,
    },
    {
      name: 'Claude Desktop', where: 'Settings, Developer, Edit Config: claude_desktop_config.json',
      text: pretty({ mcpServers: { [slug]: { type: 'http', url, headers } } }),
    },
    { name: 'Cursor', where: '~/.cursor/mcp.json, or .cursor/mcp.json in a project', text: pretty({ mcpServers: { [slug]: { url, headers } } }) },
    { name: 'VS Code', where: '.vscode/mcp.json in a project', text: pretty({ servers: { [slug]: { type: 'http', url, headers } } }) },
    { name: 'Windsurf', where: '~/.codeium/windsurf/mcp_config.json', text: pretty({ mcpServers: { [slug]: { serverUrl: url, headers } } }) },
    {
      name: 'curl', where: 'Lists the tools',
      text: `curl ${url} \\\n  -H "Authorization: Bearer ${token}" \\\n  -H "Content-Type: application/json" -H "Accept: application/json, text/event-stream" \\\n  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
    },
  ];
}
