"""Which options of well-known programs take a password. What is not known here is taken to have ``-p`` for one."""

from __future__ import annotations

__all__ = ["ATTACHED", "CREDENTIALS", "NAMED", "NO_PASSWORD", "RUNNERS", "SECRETS", "SLASHED", "USERS", "WORDS_WITH_P"]

# Beginnings of names: -p has a password only where no space comes before it.
ATTACHED = (
    "mysql",
    "mariadb",
    "mariabackup",
    "xtrabackup",
    "innobackupex",
    "7z",
    "rar",
    "unrar",
)

# Letters of options whose value is a secret, with or without a space.
SECRETS = {
    **dict.fromkeys(("sshpass", "ncftpget", "ncftpput", "rdesktop", "rabbitmqadmin", "az", "useradd", "usermod"), "p"),
    **dict.fromkeys(("mydumper", "myloader"), "p"),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat"), "p"),
    **dict.fromkeys(("sqlcmd", "bcp", "osql", "isql", "tsql", "freebcp", "defncopy", "zip", "unzip", "ipmitool"), "P"),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub"), "P"),
    **dict.fromkeys(("ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldapwhoami", "ldapcompare"), "w"),
    **dict.fromkeys(("snmpget", "snmpset", "snmpwalk", "snmpbulkwalk", "snmptrap", "snmptable"), "cAX"),
    "ldappasswd": "was",
    "redis-cli": "a",
    "redis-benchmark": "a",
    "openssl": "kK",
    "ssh-keygen": "PN",
    "curl": "b",
    "login": "p",  # docker login, helm registry login
}

# What stands between user and password in -u and -U, where it is not a colon.
USERS = {"lftp": ",", "smbclient": "%", "rpcclient": "%", "smbget": "%", "net": "%", "wmic": "%", "curl": ":"}

# Further letters of options with user:password.
CREDENTIALS = {"ab": "AP", "http": "a", "https": "a"}

# Words after which a secret comes.
NAMED = {
    "mysqladmin": ("password", "old-password"),
    "redis-cli": ("auth",),
    "aws": ("aws_secret_access_key", "aws_session_token"),
    "nmcli": ("password", "wifi-sec.psk"),
    "vault": ("login",),
    "pdftk": ("input_pw", "owner_pw", "user_pw"),
}

# user/password@database
SLASHED = ("sqlplus", "sqlldr", "exp", "imp", "expdp", "impdp", "rman", "adrci", "tnsping")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Where -p is no password.
NO_PASSWORD = _words("""
    sh bash dash ash zsh ksh fish cp mv ls mkdir install tar cpio tee touch uname df du pwd date time read type command
    ssh scp sftp rsync nc ncat telnet ping nmap netstat ss lsof ip iptables tcpdump
    psql pg_dump pg_dumpall pg_restore pg_basebackup pg_isready pg_ctl createdb dropdb vacuumdb reindexdb clusterdb
    pgbench createuser dropuser
    ps top pgrep pkill kill strace gdb nice renice ionice taskset chrt flock timeout watch env sudo su doas setpriv
    xargs find grep sed awk sort split cut diff patch perl python python3 node npm ruby php java make gcc g++ clang cc
    git journalctl systemctl loginctl rpm dpkg apt apt-get yum dnf mount umount parted mkfifo tmux screen
    docker docker-compose podman nerdctl kubectl oc compose wget pytest jq ffmpeg gzip bzip2 xz restic borg
""")

# These are given another program to run: what comes first after their options may be it.
RUNNERS = _words("""
    sh bash dash ash zsh ksh fish env sudo su doas setpriv nice ionice chrt taskset flock timeout watch xargs strace
    time command nohup setsid stdbuf unshare chroot parallel ssh docker docker-compose podman nerdctl kubectl oc compose
    perl python python3 node ruby php java make npm
""")

# Options of one hyphen that begin with a p and are words.
WORDS_WITH_P = _words("""
    print print0 printf prune perm path port pretty profile parallel pid pids ping policy page pages param params
    parent parse partial patch pattern plain plugin pipe pix_fmt preset priority process program progress project
    prefix preserve public put proxy protocol provider
""")
