"""Which words of a command are kept."""

from __future__ import annotations

import time

import pytest

from otel_joblog.command.arguments import without_secrets

# A command, with secrets between guillemets: what is kept has [redacted] in their place.
HIDDEN = """
mysqldump -p«hunter2» shop
/usr/bin/mysqldump -uroot -p«hunter2» shop
mysql --password=«hunter2» shop
mariadb-dump -p«hunter2»
mysqladmin -u root password «hunter2»
sshpass -p «hunter2» ssh -p 22 host
sshpass -p«hunter2» ssh host
curl -u joe:«word» http://host
curl -ujoe:«word» http://host
curl -sSu joe:«word» http://host
curl --user joe:«word» http://host
curl --user=joe:«word» --proxy-user me:«word» http://host
curl -U me:«word» http://host
tool -p «hunter2»
tool -p«hunter2»
tool --password «hunter2» --pass «x» --db-pass=«x» --auth «x»
tool -password «x» -storepass «x»
tool -u joe:«word»
tool joe:«word»@host
redis-cli -a «hunter2» -p 6379
redis-cli AUTH «hunter2»
mongodump -u joe -p «hunter2»
sqlcmd -U sa -P «hunter2»
ldapsearch -x -D cn=admin -w «hunter2»
sqlplus scott/«tiger»@shop
lftp -u joe,«word» host
smbclient //host/share -U joe%«word»
zip -rP «hunter2» a.zip a
7z a -p«hunter2» a.7z a
openssl enc -k «hunter2» -passin «pass:x»
htpasswd -b file joe «word»
docker login -u joe -p «hunter2» registry
docker exec db mysqldump -p«hunter2» shop
docker exec app tool -p «hunter2»
sudo -u app mysqldump -p«hunter2»
timeout 60 nice -n 5 tool -p«hunter2»
env REDISCLI_AUTH=«hunter2» redis-cli
python tool.py -p «hunter2»
mydumper -p «hunter2»
ab -A joe:«word» http://host
http -a joe:«word» GET host
rar a -hp«hunter2» a.rar a
nmcli dev wifi connect home password «hunter2»
vault login «hunter2»
snmpget -v3 -A «hunter2» -X «hunter2» host
"""
KEPT = """
mysqldump -p shop
mysqldump --defaults-file=/etc/my.cnf shop
psql -p 5432 -U joe shop
ssh -p 22 joe@host
docker run -p 80:80 -p 127.0.0.1:8080:80/tcp -u 1000:1000 image
docker pull nginx:1.2@sha256:0123
tool -p 8080 -p8080
tool --password-file /run/secret --token-type bearer
mkdir -p a/b
cp -p a b
tar -xpf a.tar
perl -pe s/a/b/
patch -p1
find . -print -prune -perm 644
java -port 80 -path /x
curl -u joe http://host:80/a
git clone git@github.com:a/b
rsync -a joe@host:/a b
kill -p -TERM 12
echo -- -n hello
"""


@pytest.mark.parametrize("line", HIDDEN.strip().splitlines())
def test_what_looks_like_a_password_is_not_kept(line: str) -> None:
    given, kept = line.replace("«", "").replace("»", ""), line
    while "«" in kept:
        before, _, rest = kept.partition("«")
        kept = f"{before}[redacted]{rest.partition('»')[2]}"
    assert without_secrets(given.split()) == kept.split()
    assert without_secrets(["sh", "-c", f"set -e; {given} | cat"]) == ["sh", "-c", f"set -e; {kept} | cat"] or (
        "htpasswd" in given
    )
    assert without_secrets(["ssh", "host", f"sh -c '{given}'"]) == ["ssh", "host", f"sh -c '{kept}'"] or (
        "htpasswd" in given
    )


@pytest.mark.parametrize("line", KEPT.strip().splitlines())
def test_what_does_not_is(line: str) -> None:
    assert without_secrets(line.split()) == line.split()
    assert without_secrets(["sh", "-c", line]) == ["sh", "-c", line]


TEXTS = [
    ("mysqldump -p'hun ter2' shop > /backup/x; cp -p a b", "mysqldump -p[redacted] shop > /backup/x; cp -p a b"),
    ('mysqldump -p"$PASSWORD" shop && tool -p ${WORD}', 'mysqldump -p"$PASSWORD" shop && tool -p ${WORD}'),
    ("cd /x\ntool -p secret\n", "cd /x\ntool -p [redacted]\n"),
    ("it's \"unbalanced -psecret", "it's \"unbalanced -p[redacted]"),
    ("hello   world", "hello   world"),
    ("lftp -c 'open -u joe,word host; mirror'", "lftp -c 'open -u joe,[redacted] host; mirror'"),
]


@pytest.mark.parametrize(("given", "kept"), TEXTS)
def test_the_rest_of_a_text_stays_as_it_is(given: str, kept: str) -> None:
    assert without_secrets(["sh", "-c", given]) == ["sh", "-c", kept]


def test_a_whole_command_in_one_word_is_looked_at_as_well() -> None:
    assert without_secrets(["mysqldump -phunter2 shop"]) == ["mysqldump -p[redacted] shop"]
    assert without_secrets([""]) == [""]
    assert without_secrets([]) == []


@pytest.mark.parametrize(
    "word", ["'\"" * 50_000, "\\" * 100_000, "-" * 100_000, "--" + "pass_" * 20_000, "a:b@" * 25_000, "$( " * 30_000]
)
def test_the_work_grows_with_the_length_and_no_faster(word: str) -> None:
    began = time.process_time()
    without_secrets(["sh", "-c", word, f"{word} x"])
    assert time.process_time() - began < 5
