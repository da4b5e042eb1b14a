"""Lines that look like secrets and hold none: what programs are full of. Drawn from a seeded generator, like the secrets."""

import base64
import random
import uuid
from collections.abc import Callable

from tests.corpus.transforms.made_secrets import BASE62, FIRST, HEX, WORDS, b64, draw

NAMES = [
    "api_key", "secret_key", "token", "password", "auth_token", "client_secret", "DB_PASSWORD", "apiKey", "accessToken",
    "AWS_SECRET_ACCESS_KEY",
]  # fmt: skip


def _name(rng: random.Random) -> str:
    return rng.choice(NAMES)


def placeholder(rng: random.Random) -> str:
    what = rng.choice(
        ["your-api-key-here", "YOUR_API_KEY", "changeme", "<your token>", "xxxxxxxxxxxxxxxxxxxxxxxx", "********", "REPLACE_ME", "insert-key-here",
         "example-secret", "my-secret-token", "dummy_password", "<PASSWORD>", "<KEY>", "...", "TODO", "placeholder", "fake-token-for-tests", "secret"]
    )  # fmt: skip
    return f'{_name(rng)} = "{what}"'


def lookup(rng: random.Random) -> str:
    name = _name(rng)
    return rng.choice(
        [f'{name} = os.environ["{name.upper()}_2"]', f'{name} = os.getenv("{name.upper()}")', f"{name}: ${{{name.upper()}}}", f'{name} = "${{{name.upper()}}}"',
         f"const {name} = process.env.{name.upper()};", f'{name} = "{{{{ secrets.{name} }}}}"', f'{name} = config.get("{name}")', f"{name} = self.settings.{name}_v2",
         f'{name} = f"{{prefix}}{{suffix1}}"', f'{name} = "%({name})s"', f"{name}=$({name}_command 2)", f"{name} = read_{name}(path1, mode2)"]
    )  # fmt: skip


def uuid_value(rng: random.Random) -> str:
    value = uuid.UUID(int=rng.getrandbits(128), version=4)
    return rng.choice(
        [
            f'{_name(rng)} = "{value}"',
            f'session_token: "{value}"',
            f"request id {value} done",
            f'tenant = "{{{value}}}"',
        ]
    )


def commit(rng: random.Random) -> str:
    sha = draw(rng, HEX, 40)
    return rng.choice(
        [
            f"# fixed in {sha}",
            f'rev = "{sha}"',
            f"git checkout {sha}",
            f"uses: actions/checkout@{sha}",
            f'commit: "{sha}"',
        ]
    )


def lock_hash(rng: random.Random) -> str:
    return rng.choice(
        [f'"integrity": "sha512-{b64(rng, 64)}",', f"    --hash=sha256:{draw(rng, HEX, 64)} \\", f'checksum = "{draw(rng, HEX, 64)}"',
         f"golang.org/x/crypto v0.{rng.randrange(9)}.0 h1:{b64(rng, 32)}", f'{{file = "pkg-1.0.tar.gz", hash = "sha256:{draw(rng, HEX, 64)}"}},',
         f"MD5 ({rng.choice(WORDS)}.tar) = {draw(rng, HEX, 32)}", f'etag = "{draw(rng, HEX, 32)}"']
    )  # fmt: skip


def test_vector(rng: random.Random) -> str:
    char = rng.choice(BASE62)
    what = rng.choice(
        [
            char * rng.choice([16, 32, 40, 64]),
            "0123456789abcdef" * 2,
            "deadbeef" * 4,
            "00" * 16,
            "A" * 40,
            "1234567890",
            "abcdefghijklmnopqrstuvwxyz",
        ]
    )
    return rng.choice(
        [
            f'{_name(rng)} = "{what}"',
            f'token = "ghp_{char * 36}"',
            f'key = "AKIA{"X" * 16}"',
            f'{_name(rng)}: "{what}"',
        ]
    )


def example_mail(rng: random.Random) -> str:
    who = rng.choice(FIRST)
    mail = rng.choice(
        [f"{who}@example.com", f"{who}@example.org", f"{who}@mail.example.net", f"{who}@test.invalid", f"{who}@localhost", "user@domain.com", "you@yourdomain.com", "foo@bar.com",
         "noreply@github.com", "git@github.com:org/repo.git", "name@company.com"]
    )  # fmt: skip
    return rng.choice([f"# write to {mail}", f'email = "{mail}"', f"author: {mail}"])


def at_sign(rng: random.Random) -> str:
    word, other = rng.choice(WORDS), rng.choice(WORDS)
    return rng.choice(
        [f"@{word}.{other}(1)", f'"@{word}/{other}@1.2.3"', f"url('{word}@2x.png')", f"{word}@{rng.randrange(9)}.{rng.randrange(9)}.0", f"y = {word[0]}@{other[0]}.T",
         f"systemctl start {word}@{other}.service", f"{word} = {other}@self.weights", f'import x from "{word}@npm:{other}"', f"aes256-gcm@openssh.com,{word}",
         f"https://{word}@github.com/{other}/x.git"]
    )  # fmt: skip


def private_address(rng: random.Random) -> str:
    n = rng.randrange(1, 255)
    ip = rng.choice(
        [f"10.{n}.3.4", f"192.168.{n}.1", f"172.{rng.randrange(16, 32)}.0.{n}", "127.0.0.1", f"127.0.0.{n}", "0.0.0.0", f"169.254.1.{n}", f"224.0.0.{n}",
         f"255.255.{n}.0", f"192.0.2.{n}", f"198.51.100.{n}", f"203.0.113.{n}", "255.255.255.255", f"239.1.2.{n}", "8.8.8.8", "1.1.1.1"]
    )  # fmt: skip
    return rng.choice(
        [f'host = "{ip}"', f"server {ip}:8080;", f"# listens on {ip}", f"  - {ip}/24", f"http://{ip}:3000/x"]
    )


def version(rng: random.Random) -> str:
    v = f"{rng.randrange(1, 20)}.{rng.randrange(30)}.{rng.randrange(250)}.{rng.randrange(250)}"
    return rng.choice(
        [f'version = "{v}"', f"Version={v}, Culture=neutral", f'AssemblyVersion("{v}")', f"pkg=={v}", f"# since v{v}", f"Chrome/{v} Safari/537.36", f"libfoo-{v}.tar.gz",
         f'<PackageReference Version="{v}" />', f"{rng.choice(WORDS)}>={v}", f"release {v}", f"see section {rng.randrange(1, 9)}.{rng.randrange(1, 9)}.{rng.randrange(1, 30)}.2",
         f"OID 2.5.29.{rng.randrange(1, 60)}", 'd="M12.5.75.33.2-1.5"']
    )  # fmt: skip


def colons(rng: random.Random) -> str:
    n = f"{rng.randrange(1, 65536):x}"
    return rng.choice(
        [f"fe80::{n}", "::1", f"2001:db8::{n}", f"fd00:1234::{n}", f"ff02::{n}", "std::vector<int> x;", f"{draw(rng, HEX, 2)}:{draw(rng, HEX, 2)}:{draw(rng, HEX, 2)}:{draw(rng, HEX, 2)}:00:01",
         "at 2021:03:04 10:20:30", "a::b::c::d()", "x[2000::3]", "2001:4860:4860::8888"]
    )  # fmt: skip


def interface_text(rng: random.Random) -> str:
    return rng.choice(
        ['password: "Enter your password"', 'passwordLabel = "Password:"', '<input type="password" name="password1">', "password_field = 'user_password'",
         'errors.password = "Password must have 8 characters"', 'token: "Invalid token."', '"password": "Passwort",', "'secret' => 'Geheimnis',", 'auth_token = "access_token"',
         'PASSWORD = "password"', "TOKEN_URL = '/oauth2/token'", 'password_reset_url = "/accounts/password/reset/"', 'token_type = "bearer"', 'secretName: tls-certificate',
         'api_key_header = "X-API-Key"', 'passwordEncoder = "bcrypt"', 'key = "user.profile.name"', 'SECRET_NAME = "prod/app/database"', "pwd: /home/user1/project2"]
    )  # fmt: skip


def code_about_secrets(rng: random.Random) -> str:
    return rng.choice(
        ["password = get_password(user1)", "token = lexer.next_token2()", "if password == old_password1:", "self.token = token2", "def check(password: str = None) -> bool:",
         "password=password1, token=token2)", "secret = b''.join(parts[1:3])", "tokens = tokenizer.encode(text2)", "auth = HTTPBasicAuth(user1, password2)", "let token = tokens[i32];",
         "private_key = load_pem_private_key(data1, password=None)", "apiKey: config.apiKey2,", "struct token token1;", "char password[128];", "key = sha256(password1)",
         'hash = hashlib.new("sha3_512", password)', 'max_tokens=2048,', "access_token_lifetime: 3600", "String password = args[1];", 'token = Token("NUMBER", r"[0-9]+(\\.[0-9]+)?")']
    )  # fmt: skip


def public_key(rng: random.Random) -> str:
    body = b64(rng, 200)
    lines = "\n".join(f"{body[at : at + 64]}" for at in range(0, len(body), 64))
    return rng.choice(
        [f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----", f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----", f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB{b64(rng, 180)} deploy",
         f'public_key = "{b64(rng, 32)}"', f'siteKey = "6L{draw(rng, BASE62, 38)}"', "-----BEGIN RSA PRIVATE KEY-----", f'publishable = "pk_live_{draw(rng, BASE62, 24)}"']
    )  # fmt: skip


def blob(rng: random.Random) -> str:
    return rng.choice(
        [f'src="data:image/png;base64,{b64(rng, 150)}"', f'DATA = b"{b64(rng, 90)}"', f"colors = [0x{draw(rng, HEX, 6)}, 0x{draw(rng, HEX, 8)}]", f"{rng.choice(WORDS)}.{draw(rng, HEX, 20)}.chunk.js",
         f'SEED = "{draw(rng, HEX, 32)}"', f'nonce: "{b64(rng, 18)}"', f'fingerprint = "SHA256:{b64(rng, 32)}"', f'.sk-fading-circle .sk-circle{rng.randrange(9)} {{ }}',
         f'digest = "sha256:{draw(rng, HEX, 64)}"', f'cacheKey = "{rng.choice(WORDS)}_{rng.choice(WORDS)}_{rng.randrange(999)}"', f"//# sourceMappingURL=data:application/json;base64,{base64.b64encode(b'{version:3}').decode()}"]
    )  # fmt: skip


def url_placeholder(rng: random.Random) -> str:
    login = rng.choice(
        ["user:password", "user:pass", "username:password", "${USER}:${PASS}", "{user}:{password}", "%s:%s", "<user>:<password>", "scott:tiger", "root:root", "admin:admin",
         "postgres:postgres", "guest:guest", "$DB_USER:$DB_PASS", "user:****", "foo:bar"]
    )  # fmt: skip
    scheme = rng.choice(["postgres", "https", "mysql+pymysql", "redis", "amqp", "mongodb"])
    return rng.choice(
        [f'url = "{scheme}://{login}@localhost:5432/db"', f"# e.g. {scheme}://{login}@host/x", f"https://github.com:443/{rng.choice(WORDS)}@{rng.choice(WORDS)}", f'"{scheme}://{login}@db/x"']
    )  # fmt: skip


def documented_example(rng: random.Random) -> str:
    # Keys that providers print in their manuals, with EXAMPLE in them.
    return rng.choice(
        ['aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"', "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 'token = "ghp_exampleexampleexampleexampleexample1"', "Authorization: Bearer <token>",
         'curl -H "Authorization: Bearer $TOKEN"', 'headers = {"Authorization": "Bearer " + token}', 'token = "eyJhbGciOi..."', "api_key=sk-...", 'key = "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"', "OPENAI_API_KEY=sk-your-key-here"]
    )  # fmt: skip


def identifier(rng: random.Random) -> str:
    a, b, c = (rng.choice(WORDS) for _ in range(3))
    n = rng.randrange(1, 99)
    return rng.choice(
        [f'token = "{a}_{b}_{c}_{n}"', f'SECRET_KEY_NAME = "{a.title()}{b.title()}{c.title()}V{n}"', f'apiKey: "{a}.{b}.{c}"', f'access_token = "{a}/{b}/{c}{n}"', f'auth = "{a}-{b}-{c}"',
         f'password = "{a}_{b}"', f'secret: "{a}{b.title()}{c.title()}"', f'client_secret_path = "/etc/{a}/{b}{n}.json"', f'token = "{a.upper()}_{b.upper()}_{n}"']
    )  # fmt: skip


LOOKALIKES: dict[str, Callable[[random.Random], str]] = {
    maker.__name__: maker
    for maker in (
        placeholder, lookup, uuid_value, commit, lock_hash, test_vector, example_mail, at_sign, private_address, version, colons, interface_text,
        code_about_secrets, public_key, blob, url_placeholder, documented_example, identifier,
    )
}  # fmt: skip
