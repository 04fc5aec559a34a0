"""Authing's published Python SDK: sign-up, sign-in, and what becomes of tokens.
Every sample of the vendor's document for these methods is here, with an address
of its own."""

import base64
import json

import authing.v2.common.graphql as graphql
import pytest
import requests
from authing.v2.exceptions import AuthingException
from browser import Browser
from person import address

# What the vendor's samples use.
PASSWORD = "passw0rd"

# The fields that every document of the SDK selects.
USER = set(
    "id arn status userPoolId username email emailVerified phone phoneVerified unionid openid nickname registerSource photo password oauth token "
    "tokenExpiredAt loginsCount lastLogin lastIP signedUp blocked isDeleted device browser company name givenName familyName middleName profile "
    "preferredUsername website gender birthdate zoneinfo locale address formatted streetAddress locality region postalCode city province country "
    "createdAt updatedAt externalId".split()
)


def code_of(call, *args, **options) -> int:
    with pytest.raises(AuthingException) as refused:
        call(*args, **options)
    assert refused.value.message
    return refused.value.code


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def client(authing):
    return authing.authing()


# The samples of "register_by_email".


def test_register_with_address_and_password(client, authing):
    email = address()
    user = client.register_by_email(email=email, password=PASSWORD)
    assert user.keys() == USER
    assert user["email"] == email
    assert user["arn"] == f"arn:cn:authing:{user['userPoolId']}:user:{user['id']}"
    assert len(user["id"]) == len(user["userPoolId"]) == 32
    assert (user["status"], user["emailVerified"], user["blocked"], user["isDeleted"], user["gender"]) == ("Activated", False, False, False, "U")
    assert (user["token"], user["tokenExpiredAt"], user["password"], user["username"], user["loginsCount"]) == (None, None, None, None, 0)
    assert user["signedUp"] == user["createdAt"] and user["createdAt"].endswith("+00:00")
    assert client.get_token() is None


def test_register_with_profile(client):
    user = client.register_by_email(email=address(), password=PASSWORD, profile={"nickname": "Nick", "company": "蒸汽记忆"})
    assert (user["nickname"], user["company"]) == ("Nick", "蒸汽记忆")


def test_register_with_custom_data(client):
    email = address()
    user = client.register_by_email(email=email, password=PASSWORD, custom_data={"source": "google"}, force_login=True)
    assert user["email"] == email
    me = client.get_current_user()
    assert me["customData"] == [{"key": "source", "value": "google", "label": "Source", "dataType": "STRING"}]


def test_register_and_sign_in(client):
    user = client.register_by_email(email=address(), password=PASSWORD, force_login=True)
    assert user["token"] == client.get_token()
    assert user["loginsCount"] == 1
    assert client.check_login_status()["status"] is True


def test_register_and_get_a_token(client):
    user = client.register_by_email(email=address(), password=PASSWORD, generate_token=True, context={"tenant": "x"}, client_ip="203.0.113.9")
    assert client.check_login_status(user["token"])["data"]["id"] == user["id"]


# The samples of "login_by_email".


def test_login(client):
    email = address()
    created = client.register_by_email(email=email, password=PASSWORD)
    user = client.login_by_email(email=email, password=PASSWORD)
    assert user.keys() == USER
    assert (user["id"], user["loginsCount"]) == (created["id"], 1)
    assert user["token"] == client.get_token()
    assert user["lastIP"] and user["lastLogin"] and user["tokenExpiredAt"]
    said = claims(user["token"])
    assert (said["sub"], said["data"]["id"], said["email"]) == (user["id"], user["id"], email)
    assert said["exp"] - said["iat"] == 1209600


def test_login_in_another_spelling(client):
    email = address("Ana")
    client.register_by_email(email=email, password=PASSWORD)
    assert client.login_by_email(email=email.upper(), password=PASSWORD)["email"] == email


def test_login_with_captcha_code(client):
    """The sample sends one when it is asked for one. Nobody asks here."""
    email = address()
    client.register_by_email(email=email, password=PASSWORD)
    try:
        user = client.login_by_email(email=email, password=PASSWORD)
    except AuthingException as e:
        assert e.code == 2000
        user = client.login_by_email(email=email, password=PASSWORD, captcha_code="xj72")
    assert user["token"]
    assert client.login_by_email(email=email, password=PASSWORD, captcha_code="xj72")["token"]


def test_login_with_custom_data(client):
    email = address()
    client.register_by_email(email=email, password=PASSWORD)
    client.login_by_email(email=email, password=PASSWORD, custom_data={"source": "google"})
    assert client.get_current_user()["customData"][0]["value"] == "google"


def test_login_that_registers(client):
    email = address()
    user = client.login_by_email(email=email, password=PASSWORD, auto_register=True)
    assert user["loginsCount"] == 1
    assert client.login_by_email(email=email, password=PASSWORD, auto_register=True)["id"] == user["id"]


# The samples of "get_current_user", "check_login_status" and "logout".


def test_current_user(client, authing):
    user = client.register_by_email(email=address(), password=PASSWORD, force_login=True)
    me = client.get_current_user()
    assert USER < me.keys()
    assert (me["id"], me["token"], me["identities"]) == (user["id"], user["token"], [])
    assert client.get_token() == user["token"]
    # A client that is made from a token, and one that is given it.
    assert authing.authing(token=user["token"]).get_current_user()["id"] == user["id"]
    assert authing.authing().get_current_user(user["token"])["id"] == user["id"]


def test_login_status(client, authing):
    user = client.register_by_email(email=address(), password=PASSWORD, force_login=True)
    status = client.check_login_status(token=user["token"])
    said = claims(user["token"])
    assert status == {
        "code": 200, "message": "Signed in", "status": True, "exp": said["exp"], "iat": said["iat"],
        "data": {"id": user["id"], "userPoolId": user["userPoolId"], "arn": user["arn"]},
    }
    assert client.check_login_status() == status
    expired = {"code": 2206, "message": "The sign-in has expired", "status": False, "exp": None, "iat": None, "data": None}
    forged = user["token"][:-6] + "AAAAAA"
    for token in ["TOKEN", "wrong token", "a.b.c", forged, user["token"] + "x", "x" * 20_000]:
        assert authing.authing().check_login_status(token=token) == expired, token[:20]
    assert authing.authing().check_login_status() == expired
    assert authing.authing(lang="zh-CN").check_login_status()["message"] == "登录信息已过期"
    assert authing.authing(lang=None, token=user["token"]).check_login_status()["message"] == "已登录"


def test_logout(client, authing):
    user = client.register_by_email(email=address(), password=PASSWORD, force_login=True)
    assert client.logout() is True
    assert client.get_token() is None
    assert authing.authing().check_login_status(user["token"])["code"] == 2206
    assert code_of(authing.authing(token=user["token"]).get_current_user) == 2020
    assert code_of(authing.authing(token="wrong token").logout) == 2020


# Errors, by value.


def test_errors(client, authing, hidden):
    email = address()
    client.register_by_email(email=email, password=PASSWORD)
    assert code_of(client.login_by_email, email=email, password="wrong password") == 2333
    assert code_of(client.login_by_email, email=address(), password=PASSWORD) == 2333
    assert code_of(client.login_by_email, email="no address", password=PASSWORD) == 2003
    assert code_of(client.register_by_email, email=email, password=PASSWORD) == 2026
    assert code_of(client.register_by_email, email=email.upper(), password=PASSWORD) == 2026
    assert code_of(client.register_by_email, email="no address", password=PASSWORD) == 2003
    assert code_of(client.register_by_email, email=address(), password="short") == 2029
    assert code_of(client.register_by_email, email=address(), password=PASSWORD, custom_data={"plan": "gold"}) == 400
    assert code_of(client.register_by_email, email=address(), password=PASSWORD, custom_data={"source": 7}) == 400
    assert code_of(client.get_current_user) == 2020
    assert code_of(client.get_current_user, "wrong token") == 2020
    assert code_of(authing.authing(app_id="nobody").login_by_email, email=email, password=PASSWORD) == 2011
    assert code_of(authing.authing(app_id=None, user_pool_id="nobody").get_current_user) == 2224
    # The vendor's own key, of which nobody here has the private half.
    vendors = authing.authing(enc_public_key=None)
    assert code_of(vendors.register_by_email, email=address(), password=PASSWORD) == 2016
    assert code_of(vendors.login_by_email, email=email, password=PASSWORD) == 2333
    # Another pool's key. What is made up for a password that does not decrypt is
    # empty, or one letter, once in a hundred times: that is too short.
    others = authing.authing(enc_public_key=hidden.public_key)
    assert code_of(others.register_by_email, email=address(), password=PASSWORD) in (2016, 2029)
    assert code_of(others.login_by_email, email=email, password=PASSWORD) == 2333
    # Not served yet.
    assert code_of(client.send_email, email, "VERIFY_EMAIL") == 501
    client.login_by_email(email=email, password=PASSWORD)
    assert code_of(client.list_orgs) == 501


def test_a_pool_by_its_own_id(client, authing):
    email = address()
    pool = client.register_by_email(email=email, password=PASSWORD)["userPoolId"]
    user = authing.authing(app_id=None, user_pool_id=pool).login_by_email(email=email, password=PASSWORD)
    assert "aud" not in claims(user["token"])
    assert claims(client.login_by_email(email=email, password=PASSWORD)["token"])["aud"] == authing.app_id.removeprefix("app_")


def test_a_slash_at_the_end_of_the_host(authing):
    client = authing.authing(app_host=authing.url + "/")
    assert client.register_by_email(email=address(), password=PASSWORD, force_login=True)["id"] == client.get_current_user()["id"]


def test_pools_are_apart(client, hidden):
    email = address()
    user = client.register_by_email(email=email, password=PASSWORD, force_login=True)
    assert code_of(hidden.authing().login_by_email, email=email, password=PASSWORD) == 2333
    assert code_of(hidden.authing(token=user["token"]).get_current_user) == 2020
    assert hidden.authing().check_login_status(user["token"])["status"] is False


def test_lockout(hidden):
    client, email = hidden.authing(), address()
    client.register_by_email(email=email, password=PASSWORD)
    assert [code_of(client.login_by_email, email=email, password="wrong password") for _ in range(7)][-1] == 2057
    assert code_of(client.login_by_email, email=email, password=PASSWORD) == 2057
    nobody = address()
    assert [code_of(client.login_by_email, email=nobody, password="wrong password") for _ in range(7)][-1] == 2057


def test_a_mailbox_that_must_be_proved(hidden, inbox):
    client, email = hidden.authing(), address()
    user = client.register_by_email(email=email, password=PASSWORD, force_login=True)
    assert (user["token"], user["emailVerified"]) == (None, False)
    assert code_of(client.login_by_email, email=email, password="wrong password") == 2333
    assert code_of(client.login_by_email, email=email, password=PASSWORD) == 2042
    browser = Browser()
    browser.send(browser.open(inbox.link(email, "verify_email")).form())
    assert client.login_by_email(email=email, password=PASSWORD)["emailVerified"] is True


# Introspection, which the SDK asks for before every call.


def introspected(monkeypatch, pool):
    """What the SDK knows of the schema in its next call."""
    seen = []
    execute = graphql.Client.execute

    def spy(self, document, *args, **options):
        seen.append(self.schema)
        return execute(self, document, *args, **options)

    monkeypatch.setattr(graphql.Client, "execute", spy)
    pool.authing().check_login_status(token="TOKEN")
    return seen[0]


def test_the_sdk_knows_the_schema(monkeypatch, authing):
    schema = introspected(monkeypatch, authing)
    assert {"registerByEmail", "loginByEmail", "deleteUser"} < schema.get_mutation_type().fields.keys()
    assert len(schema.get_query_type().fields) + len(schema.get_mutation_type().fields) == 129


def test_the_sdk_does_without_the_schema(monkeypatch, hidden):
    assert introspected(monkeypatch, hidden) is None


def test_every_document_of_the_sdk_fits_the_schema(monkeypatch, authing):
    from authing.v2.common.codegen import QUERY
    from graphql import parse, validate

    schema = introspected(monkeypatch, authing)
    assert len(QUERY) > 100
    for name, document in QUERY.items():
        assert validate(schema, parse(document)) == [], name


def test_the_schema_is_packed(authing):
    answer = requests.post(
        f"{authing.url}/graphql/v2", headers={"x-authing-app-id": authing.app_id}, json={"query": "{ __schema { queryType { name } } }"}, stream=True
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < 30_000 < len(answer.content)
