import assert from "node:assert/strict";

// A browser for plain pages: it keeps one cookie, follows redirects within the
// site, and fills in forms.
export function browser() {
  let cookie;
  const visit = async (url, form) => {
    const headers = cookie ? { cookie } : {};
    const response = await fetch(url, { redirect: "manual", headers, ...(form && { method: "POST", body: new URLSearchParams(form) }) });
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    const location = response.headers.get("location");
    if (!location) return { url, status: response.status, html: await response.text() };
    const next = new URL(location, url);
    return next.host === new URL(url).host ? visit(next) : { left: next };
  };
  // The page's form for a choice, with its hidden fields.
  const send = (page, choice, fields) => {
    const form = page.html.match(/<form[^>]*>[\s\S]*?<\/form>/g)?.find((f) => f.includes(`name="choice" value="${choice}"`) && !f.includes('name="action"'));
    assert.ok(form, page.html);
    for (const name of Object.keys(fields)) assert.ok(form.includes(`name="${name}"`), form);
    const [, action] = form.match(/action="([^"]*)"/);
    return visit(new URL(action, page.url), { choice, ...fields });
  };
  return { visit, send };
}
