"""Every sample that the vendor's three documents print: the calls of its Python
SDK with their arguments, and the commands of its REST reference as they stand
there. test_samples.py runs them; what is not served yet is named in NEXT.

`made` names the arguments whose printed values are ids, tokens or codes that
nobody here can have, or an old password that nobody can (seven characters).
Such a sample is run twice: as printed, which is refused because nothing is known
by that name (`unknown`), and with the values of a person made for it. Everything
else is run as printed. Two arguments are printed as `name: value`, which is no
Python, and stand here as they were meant.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from pangea.services.authn.models import FlowChoice, FlowType
from shape import bad_token, not_found

FLOW = "Python SDK, flow endpoints"
USER = "Python SDK, user endpoints"
REST = "REST reference of users"

# How many samples each document prints.
PRINTED = {FLOW: 5, USER: 10, REST: 18}


@dataclass(frozen=True)
class Sample:
    """A call of the Python SDK."""

    document: str
    method: str
    arguments: dict[str, Any]
    made: frozenset[str] = frozenset()
    unknown: Callable[[], AbstractContextManager] | None = None

    def __str__(self) -> str:
        return self.method


def of(*names: str) -> frozenset[str]:
    return frozenset(names)


SAMPLES = [
    Sample(FLOW, "client.token_endpoints.check", {"token": "ptu_wuk7tvtpswyjtlsx52b7yyi2l7zotv4a"}, of("token"), bad_token),
    Sample(FLOW, "flow.complete", {"flow_id": "pfl_dxiqyuq7ndc5ycjwdgmguwuodizcaqhh"}, of("flow_id"), partial(not_found, "/flow_id")),
    Sample(
        FLOW, "flow.restart", {"flow_id": "pfl_dxiqyuq7ndc5ycjwdgmguwuodizcaqhh", "choice": FlowChoice.PASSWORD, "data": {}},
        of("flow_id"), partial(not_found, "/flow_id"),
    ),
    Sample(
        FLOW, "flow.start",
        {"cb_uri": "https://www.myserver.com/callback", "email": "joe.user@email.com", "flow_types": [FlowType.SIGNUP, FlowType.SIGNIN]},
    ),
    Sample(
        FLOW, "flow.update",
        {"flow_id": "pfl_dxiqyuq7ndc5ycjwdgmguwuodizcaqhh", "choice": FlowChoice.PASSWORD, "data": {"password": "someNewPasswordHere"}},
        of("flow_id"), partial(not_found, "/flow_id"),
    ),
    Sample(USER, "client.userinfo", {"code": "pmc_d6chl6qulpn3it34oerwm3cqwsjd6dxw"}, of("code"), bad_token),
    Sample(
        USER, "client.password.change",
        {"token": "ptu_wuk7tvtpswyjtlsx52b7yyi2l7zotv4a", "old_password": "hunter2", "new_password": "My2n+Password"},
        of("token", "old_password"), bad_token,
    ),
    Sample(USER, "user.create", {"email": "joe.user@email.com", "profile": {"first_name": "Joe", "last_name": "User"}}),
    Sample(USER, "user.delete", {"email": "example@example.com"}),
    Sample(USER, "user.list", {}),
    Sample(USER, "user.update", {"email": "joe.user@email.com", "disabled": True}),
    Sample(USER, "user.profile.get", {"email": "joe.user@email.com"}),
    Sample(USER, "user.profile.update", {"profile": {"phone": "18085550173"}, "email": "joe.user@email.com"}),
    Sample(
        USER, "user.authenticators.delete",
        {"authenticator_id": "pau_wuk7tvtpswyjtlsx52b7yyi2l7zotv4a", "id": "pui_xpkhwpnz2cmegsws737xbsqnmnuwtbm5"},
        of("authenticator_id", "id"), not_found,
    ),
    Sample(USER, "user.authenticators.list", {"id": "pui_xpkhwpnz2cmegsws737xbsqnmnuwtbm5"}, of("id"), not_found),
]

# The host and the token of every command, which are replaced by ours.
HOST, TOKEN = "https://authn.aws.us.pangea.cloud", "<your_token>"


def curl(path: str, rest: str = "'Content-Type: application/json' -d '{}'") -> str:
    return f"curl -sSLX POST '{HOST}{path}' -H 'Authorization: Bearer {TOKEN}' -H {rest}"


def required(source: str) -> tuple[str, str]:
    return ("FieldRequired", source)


one_of_three = ("MustProvideOne", "")

# The commands, each with the problems that it is told of, as (code, source); None
# is a success.
CURLS = {
    curl("/v2/client/userinfo"): [required("/code")],
    curl("/v2/client/password/change"): [required("/token"), required("/old_password"), required("/new_password")],
    curl("/v2/user/authenticators/delete"): [one_of_three, required("/authenticator_id")],
    curl("/v2/user/authenticators/list"): [one_of_three],
    curl("/v2/user/create"): [required("/email"), required("/profile")],
    curl("/v2/user/delete"): [one_of_three],
    curl("/v2/user/group/assign"): [required("/id"), required("/group_ids")],
    curl("/v2/user/group/remove"): [required("/id"), required("/group_id")],
    curl("/v2/user/group/list"): [required("/id")],
    curl("/v2/user/list"): None,
    curl("/v2/user/password/expire"): [required("/id")],
    curl("/v2/user/profile/get"): [one_of_three],
    curl("/v2/user/profile/update"): [one_of_three, required("/profile")],
    curl("/v2/user/update"): [one_of_three],
    curl("/v2/users/import"): [required("/name"), required("/source_id"), required("/field_mappings")],
    curl("/v2/users/sources/upload", "'Content-Type: multipart/form-data'"): [required("/request"), required("/upload")],
    curl("/v2/users/import/get"): [required("/id")],
    curl("/v2/users/import/list"): None,
}
