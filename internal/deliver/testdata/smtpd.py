"""A mail server for tests.

It listens on three free loopback ports and prints them as one JSON line:
starttls (TLS by STARTTLS, sign-in needed), tls (TLS from the start, sign-in
needed) and plain (no TLS, no sign-in). Each mail that it accepts becomes one
JSON line of --file. It ends when its standard input does, so that it never
outlives the test that started it.
"""

import argparse
import asyncio
import collections
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, port, args):
        self.port = port
        self.args = args

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.args.answers.get(address)
        if answer and answer["times"] != 0:
            answer["times"] -= 1
            return f"{answer['code']} 4.2.0 no mail for {address}"
        if address in self.args.stalls:
            await asyncio.sleep(3600)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        parts = collections.defaultdict(str)
        for part in message.walk():
            if not part.is_multipart():
                parts[part.get_content_type()] += part.get_content()
        line = {
            "port": self.port,
            "encrypted": session.ssl is not None or self.port == "tls",
            "signed_in": bool(session.authenticated),
            "options": envelope.mail_options,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": parts["text/plain"],
            "html": parts["text/html"],
        }
        with open(self.args.file, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        if envelope.rcpt_tos[0] in self.args.hangups:
            # Accepted, but the client never hears of it.
            server.transport.abort()
        return "250 OK"


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--file", required=True)
    p.add_argument("--cert", required=True)
    p.add_argument("--key", required=True)
    p.add_argument("--user", required=True)
    p.add_argument("--password", required=True)
    p.add_argument("--answer", action="append", default=[], metavar="ADDRESS=CODE[xTIMES]", help="answer RCPT with this code, always or so many times")
    p.add_argument("--stall", dest="stalls", action="append", default=[], metavar="ADDRESS", help="never answer RCPT")
    p.add_argument("--hangup", dest="hangups", action="append", default=[], metavar="ADDRESS", help="accept the mail and break the line")
    args = p.parse_args()
    args.answers = {}
    for text in args.answer:
        address, answer = text.rsplit("=", 1)
        code, _, times = answer.partition("x")
        args.answers[address] = {"code": int(code), "times": int(times or -1)}
    return args


async def main():
    args = parse()
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(args.cert, args.key)

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (args.user.encode(), args.password.encode())
        return AuthResult(success=good, handled=good)

    def listen(port, wrap=None, **options):
        def protocol():
            return SMTP(Handler(port, args), hostname="smtpd.test", enable_SMTPUTF8=True, authenticator=authenticate, loop=loop, **options)

        return loop.create_server(protocol, "127.0.0.1", 0, ssl=wrap)

    servers = {
        "starttls": await listen("starttls", tls_context=context, require_starttls=True, auth_required=True),
        "tls": await listen("tls", wrap=context, auth_required=True, auth_require_tls=False),
        "plain": await listen("plain"),
    }
    print(json.dumps({name: s.sockets[0].getsockname()[1] for name, s in servers.items()}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
