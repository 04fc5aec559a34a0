"""A browser for plain pages: it keeps cookies, follows redirects within the
site, fills in forms and runs no scripts."""

from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import requests


class Page(HTMLParser):
    """What a page has that one can act on."""

    def __init__(self, url: str, response: requests.Response):
        super().__init__()
        self.url = url
        self.status = response.status_code
        self.text = response.text
        self.forms: list[dict] = []
        self.links: dict[str, str] = {}
        self._within = None
        self._link = None
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            assert a["method"] == "post"
            self._within = {"action": urljoin(self.url, a["action"]), "fields": {}}
            self.forms.append(self._within)
        elif tag == "input" and self._within is not None and "name" in a:
            self._within["fields"][a["name"]] = a.get("value") or ""
        elif tag == "a":
            self._link = urljoin(self.url, a["href"])
        assert tag != "script", "the pages work without scripts"

    def handle_data(self, data):
        if self._link is not None:
            self.links[data.strip()] = self._link

    def handle_endtag(self, tag):
        if tag == "form":
            self._within = None
        elif tag == "a":
            self._link = None

    def form(self, **hidden) -> dict:
        """The one form whose fields have these values."""
        fitting = [f for f in self.forms if all(f["fields"].get(name) == value for name, value in hidden.items())]
        assert len(fitting) == 1, (hidden, self.forms, self.text)
        return fitting[0]


class Left(Exception):
    """The site sent the browser away."""

    def __init__(self, url: str):
        super().__init__(url)
        self.url = url

    @property
    def query(self) -> dict[str, str]:
        return {name: value for name, [value] in parse_qs(urlsplit(self.url).query, keep_blank_values=True).items()}


class Browser:
    def __init__(self):
        self.session = requests.Session()

    def _walk(self, method: str, url: str, **more) -> Page:
        home = urlsplit(url).netloc
        for _ in range(10):
            response = self.session.request(method, url, allow_redirects=False, timeout=10, **more)
            if response.status_code not in (302, 303, 307):
                return Page(url, response)
            url = urljoin(url, response.headers["Location"])
            if urlsplit(url).netloc != home:
                raise Left(url)
            method, more = "GET", {}
        raise AssertionError(f"the pages lead in circles: {url}")

    def open(self, url: str, **query) -> Page:
        return self._walk("GET", url, params=query or None)

    def send(self, form: dict, **fields) -> Page:
        """Sends a form. A field that the form does not have cannot be filled in."""
        assert set(fields) <= set(form["fields"]), (fields, form)
        return self._walk("POST", form["action"], data={**form["fields"], **fields})
