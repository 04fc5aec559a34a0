"""users/sources/upload and users/import. The SDK has no methods for them: they
go through its own transport."""

import secrets

import pytest
from pangea.exceptions import PangeaAPIException
from pangea.response import PangeaResponseResult
from person import Person, address, sign_in
from shape import check_envelope, invalid, is_id, near_now, not_found, unauthorized

UPLOAD = {"transfer_method": "multipart", "file_type": "csv"}
# A hash by bcrypt.
HASH = "$2b$04$fCfyzTN3M5VwQYJ3ZqGMduGWIT8y5ZfNOGmVVLwJm/hSg1PzECSlS"


def post(authn, path: str, data: dict, **more):
    return authn.user.request.post(path, PangeaResponseResult, data=data, **more)


def upload(authn, rows: list[list[str]], name: str = "upload"):
    file = "".join(",".join(row) + "\r\n" for row in rows)
    return post(authn, "v2/users/sources/upload", UPLOAD, files=[(name, ("people.csv", file.encode(), "text/csv"))])


def mapping(column: str, field: str, type: str = "string", **more) -> dict:
    return {
        "source_field": {"source_field_name": column, "source_field_type": "string"},
        "pangea_field": {"pangea_field_name": field, "pangea_field_type": type, **more},
    }


def check_import(response, summary: str, name: str, total: int, successful: int, failed: int, skipped: int) -> dict:
    check_envelope(response, summary)
    result = response.raw_result
    assert set(result) == {"name", "id", "status", "summary", "details", "created_at", "updated_at"}
    assert is_id("pum", result["id"]) and (result["name"], result["status"]) == (name, "success")
    assert near_now(result["created_at"]) <= near_now(result["updated_at"])
    counts = {k: v for k, v in result["summary"].items() if not k.endswith("_at")}
    assert counts == {"total": total, "successful": successful, "failed": failed, "skipped": skipped}
    assert (result["summary"]["created_at"], result["summary"]["updated_at"]) == (result["created_at"], result["updated_at"])
    return result


def test_import(authn):
    ana, bob = address(), address()
    rows = [["mail", "first", "hash"], [ana, "Ana", HASH], [ana.upper(), "Ana", ""], ["nobody", "", ""], [bob, "=Bob", ""]]
    response = upload(authn, rows)
    check_envelope(response, "Source uploaded")
    source = response.raw_result["object"]
    assert is_id("pus", source["id"]) and source["source_fields"] == [{"source_field_name": c, "source_field_type": "string"} for c in rows[0]]
    assert {"pangea_field_name": "email", "pangea_field_type": "email", "required": True, "is_profile_field": False} in source["pangea_fields"]
    assert source["password_hash_algorithms"] == ["MD5", "SHA1", "SHA256", "SHA512", "BCRYPT", "PBKDF2", "ARGON2", "SCRYPT", "FIREBASE-SCRYPT"]

    name = "import_" + secrets.token_hex(4)
    body = {
        "name": name,
        "source_id": source["id"],
        "field_mappings": [
            mapping("mail", "email", required=True),
            mapping("first", "first_name", is_profile_field=True),
            mapping("hash", "password_hash", password_hash_params={"algorithm": "BCRYPT"}),
        ],
    }
    there = authn.user.list(filter={}).result.count
    check_import(post(authn, "v2/users/import/validate", body), "Import validated", name, 4, 2, 1, 1)
    assert authn.user.list(filter={}).result.count == there
    result = check_import(post(authn, "v2/users/import", body), "Users imported", name, 4, 2, 1, 1)
    assert result["details"] == []
    assert authn.user.list(filter={}).result.count == there + 2

    user = authn.user.profile.get(email=ana).result
    assert (user.email, user.username, user.profile, user.verified) == (ana, ana, {"first_name": "Ana"}, False)
    assert authn.user.profile.get(email=bob).result.profile == {"first_name": "=Bob"}
    factors = authn.user.authenticators.list(id=user.id).result.authenticators
    assert [f.type for f in factors] == ["password"]

    got = post(authn, "v2/users/import/get", {"id": result["id"], "verbose_failed": True, "verbose_skipped": True, "verbose_success": True})
    check_envelope(got, "Import details")
    details = got.raw_result["details"]
    assert [(d["status"], d["user_id"] == user.id) for d in details] == [("success", True), ("skipped", True), ("failed", False), ("success", False)]
    assert all(d["message"].startswith(f"Row {i + 1}: ") and near_now(d["created_at"]) for i, d in enumerate(details))
    for kind, n in (("failed", 1), ("skipped", 1), ("success", 2)):
        only = post(authn, "v2/users/import/get", {"id": result["id"], f"verbose_{kind}": True}).raw_result["details"]
        assert [d["status"] for d in only] == [kind] * n
    listed = post(authn, "v2/users/import/list", {"filter": {"name": name.upper(), "id__in": [result["id"]]}, "order_by": "text", "order": "desc", "size": 1})
    check_envelope(listed, "Imports listed")
    assert listed.raw_result == {"user_imports": [result], "count": 1}

    with invalid(("DoesNotExist", "/source_id")):
        post(authn, "v2/users/import", body)


def test_import_refuses(authn, pool, other):
    source = upload(authn, [["mail"], [address()]], name="people.csv").raw_result["object"]["id"]

    def importing(*mappings, **more):
        return post(authn, "v2/users/import", {"name": "x", "source_id": source, "field_mappings": list(mappings), **more})

    column, field = "/source_field/source_field_name", "/pangea_field/pangea_field_name"
    with invalid(("DoesNotExist", f"/field_mappings/0{column}")):
        importing(mapping("male", "email"))
    with invalid(("DoesNotExist", f"/field_mappings/1{field}")):
        importing(mapping("mail", "email"), mapping("mail", "shoe_size", is_profile_field=True))
    with invalid(("FieldRequired", "/field_mappings")):
        importing(mapping("mail", "username"))
    with invalid(("NotEnumMember", "/field_mappings/1/pangea_field/password_hash_params/algorithm")):
        importing(mapping("mail", "email"), mapping("mail", "password_hash", password_hash_params={"algorithm": "ROT13"}))
    with invalid(("IsTooBig", "/field_mappings/1/pangea_field/password_hash_params/iterations")):
        importing(mapping("mail", "email"), mapping("mail", "password_hash", password_hash_params={"algorithm": "PBKDF2", "iterations": 10**9}))
    with invalid(("DoesNotExist", "/source_id")):
        post(other.service(), "v2/users/import", {"name": "x", "source_id": source, "field_mappings": [mapping("mail", "email")]})
    with invalid():
        upload(authn, [["mail", "mail"]])
    with not_found():
        post(authn, "v2/users/import/get", {"id": "pum_" + "a" * 32})
    with unauthorized(403):
        post(pool.client(), "v2/users/import/list", {})
    check_import(importing(mapping("mail", "email")), "Users imported", "x", 1, 1, 0, 0)


# A hash of each algorithm, what an import says of it, and its password. They are
# the published vectors of internal/flow's imported people.
HASHES = [
    ("MD5", {"salt": "a", "salt_order": "prefix"}, "900150983cd24fb0d6963f7d28e17f72", "", "bc"),
    ("SHA1", {"salt_order": "suffix"}, "a9993e364706816aba3e25717850c26c9cd0d89d", "c", "ab"),
    ("SHA256", {}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "", "abc"),
    (
        "SHA512",
        {},
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "",
        "abc",
    ),
    ("BCRYPT", {}, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "", "U*U"),
    ("PBKDF2", {"digest_algorithm": "SHA1", "iterations": 4096}, "4b007901b765489abead49d926f721d065a429c1", "salt", "password"),
    ("ARGON2", {"memory": 64, "iterations": 1}, "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb", "somesalt", "password"),
    ("SCRYPT", {"cost_factor": 1024}, "16dbc8906763c7f048977a68f9d305f7710e068ca2cd95dab372125bb3f19608", "salt", "password"),
    (
        "FIREBASE-SCRYPT",
        {
            "signer_key": "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
            "salt_separator": "Bw==",
            "iterations": 8,
            "cost_factor": 14,
        },
        "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        "42xEC+ixf3L2lw==",
        "user1password",
    ),
]


@pytest.mark.parametrize("algorithm,params,value,salt,password", HASHES, ids=[h[0] for h in HASHES])
def test_people_keep_their_passwords(authn, algorithm, params, value, salt, password):
    who = Person(email=address(), password=password)
    source = upload(authn, [["mail", "hash", "salt"], [who.email, value, salt]]).raw_result["object"]
    assert algorithm in source["password_hash_algorithms"]
    fields = [mapping("mail", "email", required=True), mapping("hash", "password_hash", password_hash_params={"algorithm": algorithm, **params})]
    if salt:
        fields.append(mapping("salt", "password_salt"))
    imported = post(authn, "v2/users/import", {"name": "x", "source_id": source["id"], "field_mappings": fields}).raw_result
    assert imported["summary"]["successful"] == 1
    with pytest.raises(PangeaAPIException):
        sign_in(authn, Person(email=who.email, password=password + "x"))
    for _ in range(2):  # by the hash that came, and by the one that took its place
        pair = sign_in(authn, who)
        assert pair.active_token.email == who.email
