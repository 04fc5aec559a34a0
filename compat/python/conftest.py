"""The vendors' published Python SDKs, unmodified, against a running Gatehouse.

compat_test.go starts the server and says through the environment where it is:

GATEHOUSE_URL                    where the API answers
GATEHOUSE_INBOX                  where the development inbox lists mails, as JSON
GATEHOUSE_{"",OTHER_,VERIFY_,SIGNED_,STRICT_,AGREEMENTS_,MAILBOX_,NAMES_,GUARDED_,TEXTS_,CAPTCHA_,SOCIAL_,JUDGED_,AUTHING_,HIDDEN_}SERVICE_TOKEN,
 ..._CLIENT_TOKEN, ..._APP_ID, ..._PUBLIC_KEY, ..._LOGIN_URL
                                 keys, ids and hosted pages of the pools

Most have the preset of Pangea. The first is as the preset leaves it; the other
one also gives a spent refresh token no grace; in the third, people prove their
mailbox before they come in; in the fourth, user tokens are signed; in the strict
one, a lockout lasts; the next requires both kinds of agreement; in two, people
may come in by their mailbox alone, and go by names and need a second factor; in
one, that is the code of an app; in one, a code by text message is a first
factor, and a second one for who wants it; in one, rules look at where people come
from, by a file of places that are nobody's; in one, they come in through another provider. The last two have the preset of
Authing: one asks for a field "source" of its own, the other one tells nobody the
schema, wants mailboxes proved, and has lockouts that last.

Nothing is skipped: a server that answers wrongly makes a test fail.
"""

import os

import pytest
from inbox import Inbox
from pool import Pool


def variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        pytest.exit(f"{name} is not set: compat_test.go sets it", returncode=3)
    return value


def pool_of(prefix: str) -> Pool:
    return Pool(
        url=variable("GATEHOUSE_URL"),
        service_token=variable(f"GATEHOUSE_{prefix}SERVICE_TOKEN"),
        client_token=variable(f"GATEHOUSE_{prefix}CLIENT_TOKEN"),
        login_url=variable(f"GATEHOUSE_{prefix}LOGIN_URL"),
        app_id=variable(f"GATEHOUSE_{prefix}APP_ID"),
        public_key=variable(f"GATEHOUSE_{prefix}PUBLIC_KEY"),
    )


@pytest.fixture(scope="session")
def pool() -> Pool:
    """The pool that most tests work in."""
    return pool_of("")


@pytest.fixture(scope="session")
def other() -> Pool:
    """Another pool of the same server. It gives spent refresh tokens no grace."""
    return pool_of("OTHER_")


@pytest.fixture(scope="session")
def verify() -> Pool:
    """A pool in which people prove their mailbox before they come in."""
    return pool_of("VERIFY_")


@pytest.fixture(scope="session")
def social() -> Pool:
    """A pool that lets people in through an OpenID provider, which vouches for
    addresses that do not begin with rumour."""
    return pool_of("SOCIAL_")


@pytest.fixture(scope="session")
def signed() -> Pool:
    """A pool whose user tokens are signed (JWT)."""
    return pool_of("SIGNED_")


@pytest.fixture(scope="session")
def agreements() -> Pool:
    """A pool in which people accept what is in force before they come in."""
    return pool_of("AGREEMENTS_")


@pytest.fixture(scope="session")
def texts() -> Pool:
    """A pool in which a code by text message is a first factor, and a second one."""
    return pool_of("TEXTS_")


@pytest.fixture(scope="session")
def captcha() -> Pool:
    """A pool in which who signs up has a proof of work before them."""
    return pool_of("CAPTCHA_")


@pytest.fixture(scope="session")
def judged() -> Pool:
    """A pool with rules about where people come from."""
    return pool_of("JUDGED_")


@pytest.fixture(scope="session")
def mailbox() -> Pool:
    """A pool in which a code or a link by e-mail is a first factor too."""
    return pool_of("MAILBOX_")


@pytest.fixture(scope="session")
def names() -> Pool:
    """A pool of people who go by names, and need a code by e-mail as well."""
    return pool_of("NAMES_")


@pytest.fixture(scope="session")
def guarded() -> Pool:
    """A pool of people who need a code of their app behind the password."""
    return pool_of("GUARDED_")


@pytest.fixture(scope="session")
def strict() -> Pool:
    """A pool in which a lockout lasts for longer than a test."""
    return pool_of("STRICT_")


@pytest.fixture(scope="session")
def authing() -> Pool:
    """A pool with the preset of Authing, and a field of its own."""
    return pool_of("AUTHING_")


@pytest.fixture(scope="session")
def hidden() -> Pool:
    """A pool that tells nobody the schema, wants mailboxes proved, and locks
    out for longer than a test."""
    return pool_of("HIDDEN_")


@pytest.fixture(scope="session")
def inbox() -> Inbox:
    """The mails that the server has sent."""
    return Inbox(variable("GATEHOUSE_INBOX"))


@pytest.fixture
def authn(pool):
    """The SDK with the service token of the first pool."""
    return pool.service()
