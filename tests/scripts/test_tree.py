"""The scan finds a sample of everything that must never be committed; samples are made here so that no file has them."""

import base64
import os
import random
import string
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.check import tree

ROOT = Path(__file__).parents[2]
RANDOM = random.Random(1)


def sample(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(letters, k=length))


HEX = "0123456789abcdef"
SAMPLES = [
    ("a private key", "-----BEGIN RSA PRIVATE " + "KEY-----"),
    ("a private key", "-----BEGIN PRIVATE " + "KEY-----"),
    ("a private key", "-----BEGIN OPENSSH PRIVATE " + "KEY-----"),
    ("a private key", "-----BEGIN PGP PRIVATE " + "KEY BLOCK-----"),
    ("an AWS access key", "AKIA" + sample(16, string.ascii_uppercase + string.digits)),
    ("an AWS access key", "ASIA" + sample(16, string.ascii_uppercase + string.digits)),
    ("an AWS secret key", f"aws_secret_access_key = {sample(40)}"),
    ("an AWS secret key", f'AWS_SECRET_ACCESS_KEY="{sample(38)}/+"'),
    ("an Africa's Talking key", "atsk_" + sample(64, HEX)),
    ("an Okta API token", f"Authorization: SSWS {sample(42)}"),
    ("an Okta API token", f"token = 00{sample(40)}"),
    ("an Okta client secret", f"OKTA_CLIENT_SECRET={sample(64, string.ascii_letters + string.digits + '-_')}"),
    ("an Okta client secret", f'"client_secret": "{sample(40)}"'),
    ("a GitHub token", "ghp_" + sample(36)),
    ("a GitHub token", "github_pat_" + sample(60)),
    ("a signed token", f"eyJ{sample(30)}.eyJ{sample(60)}.{sample(80)}"),
    ("a password in an address", f"https://user:{sample(12)}@example.com/x"),
    ("a value that looks like a secret", f"webhook_secret: {sample(43)}"),
    ("a value that looks like a secret", f'API_KEY = "{sample(32, HEX)}"'),
    ("a value that looks like a secret", f"password={base64.b64encode(sample(24).encode()).decode()}"),
    ("a value that looks like a secret", f'"accessToken": "{sample(24)}"'),
    ("a path of one machine", "/ho" + "me/somebody/x"),
    ("a registry's address", "https://py" + "pi.org/simple"),
    ("a phone number", "+2547" + "12345678"),
]
INNOCENT = [
    'api_key = os.environ["AFRICASTALKING_API_KEY"]',
    "webhook-secret: sales-dev/webhook-secret-of-this-stage",
    'token = "an-example-of-something-other-than-a-token"',
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sales/webhook-secret-a1B2c3",
    '"integrity": "sha512-' + sample(86) + '=="',
    "--hash=sha256:" + sample(64, HEX),
    "- uses: actions/checkout@" + sample(40, HEX),
    "http://localhost:8000/api/v1/sales",
]


@pytest.mark.parametrize(("what", "text"), SAMPLES, ids=[what for what, _ in SAMPLES])
def test_a_sample_of_each_kind_is_found(what: str, text: str) -> None:
    assert what in {found for _, found in tree.forbidden(f"before\n  {text}\nafter\n")}


def test_every_kind_has_its_sample() -> None:
    assert {what for what, _ in SAMPLES} == {*tree.SECRETS, *tree.IN_TREE, tree.RANDOM}


@pytest.mark.parametrize("text", INNOCENT)
def test_names_of_secrets_and_digests_are_not_secrets(text: str) -> None:
    assert list(tree.secrets(text)) == []


def test_nearly_all_random_values_look_random_and_no_words_do() -> None:
    made = [sample(length, letters) for length in (20, 32, 43) for letters in (HEX, string.ascii_letters + string.digits)
            for _ in range(200)]  # fmt: skip
    assert sum(map(tree.is_random, made)) >= 0.97 * len(made)
    assert not any(map(tree.is_random, ("correct-horse-battery-staple", "test-secret-1-of-2-values", "a" * 30 + "1")))


def commit(repository: Path, text: str, message: str) -> None:
    (repository / "settings.txt").write_text(text)
    who = {f"GIT_{role}_{what}": "x@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["add", "-A"], ["commit", "-qm", message]):
        subprocess.run(["git", *command], cwd=repository, env=os.environ | who, check=True)


def scan(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.check.tree", *arguments]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_a_removed_secret_is_found_in_the_history_with_its_commit(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commit(tmp_path, "nothing\n", "first")
    assert scan(tmp_path, "--history").returncode == 0
    key = "atsk_" + sample(64, HEX)
    commit(tmp_path, f"nothing\nkey {key}\n", "second")
    assert scan(tmp_path).stdout == "settings.txt:2: an Africa's Talking key\n"
    commit(tmp_path, "nothing\n", "third")
    assert scan(tmp_path).returncode == 0
    found = scan(tmp_path, "--history")
    second = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD~1"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert (found.returncode, found.stdout) == (1, f"{second} settings.txt: an Africa's Talking key\n")
    assert key not in found.stdout + found.stderr

    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", tmp_path.as_uri(), shallow], check=True)
    part = scan(shallow, "--history")
    assert part.returncode == 1
    assert "only a part of the history" in part.stderr


def test_the_repository_holds_no_secret() -> None:
    assert scan(ROOT).stdout == ""
    if subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, check=True).stdout != b"true\n":  # fmt: skip
        assert scan(ROOT, "--history").stdout == ""
