#!/usr/bin/env bash
# Assembles one Elasticsearch node from its published jars, for tests: no container engine, nothing of it in this repository.
# Needs Maven and a JDK of at least 21 (JAVA_HOME, else the newest under /usr/lib/jvm, else the one on the path).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=$here/../../../.cache/peers/elasticsearch

jdk=
for each in "${JAVA_HOME:-}" $(ls -d /usr/lib/jvm/*/ 2>/dev/null | sort -Vr) "$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")"; do
    version=$("$each/bin/javac" -version 2>/dev/null | grep -oE '[0-9]+' | head -1) || continue
    if [ "${version:-0}" -ge 21 ]; then jdk=${each%/}; break; fi
done
[ -n "$jdk" ] || { echo "Elasticsearch needs a JDK of at least 21; set JAVA_HOME to one" >&2; exit 1; }
command -v mvn >/dev/null || { echo "Maven is needed to assemble Elasticsearch" >&2; exit 1; }

recipe=$( (cat "$here/prepare.sh" "$here/pom.xml" "$here/Server.java"; echo "$jdk") | sha256sum)
[ "$(cat "$home/.installed" 2>/dev/null)" = "$recipe" ] && exit 0
rm -rf "$home"
netty=$home/modules/transport-netty4
mkdir -p "$netty" "$home/lib/platform" "$home/config"
mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$home/lib"

# The transport is a module with a class loader of its own, as in the packaged server.
mv "$home"/lib/netty-*.jar "$home"/lib/transport-netty4-*.jar "$netty/"
version=$(sed -n 's:.*<elasticsearch>\(.*\)</elasticsearch>.*:\1:p' "$here/pom.xml")
cat >"$netty/plugin-descriptor.properties" <<END
name=transport-netty4
description=transport-netty4
classname=org.elasticsearch.transport.netty4.Netty4Plugin
modulename=org.elasticsearch.transport.netty4
version=$version
elasticsearch.version=$version
java.version=21
extended.plugins=
has.native.controller=false
END
cat >"$home/config/log4j2.properties" <<'END'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
END
"$jdk/bin/javac" -cp "$home/lib/*" -d "$home/classes" "$here/Server.java"
ln -s "$jdk" "$home/jdk"
printf '%s\n' "$recipe" >"$home/.installed"
