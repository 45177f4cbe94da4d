#!/bin/sh
# Makes a small certificate authority for tests and trials: a server certificate for localhost and
# one client certificate for each role. Not for production: the authority's key is not protected.
#
# usage: deploy/make-test-ca.sh FOLDER [DAYS]
#   FOLDER/ca.pem ca.key               the authority
#   FOLDER/server.pem server.key       DNS:localhost, IP:127.0.0.1, IP:::1
#   FOLDER/ROLE.pem ROLE.key           CN=test-ROLE, OU=ROLE; reader, submitter, operator, worker
#   FOLDER/nobody.pem nobody.key       a client certificate without a role
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: $0 FOLDER [DAYS]" >&2
  exit 2
fi
folder=$1
days=${2:-30}
if [ -e "$folder/ca.key" ]; then
  echo "$folder/ca.key is there already; choose another folder, or remove this one" >&2
  exit 1
fi
umask 077
mkdir -p "$folder"

new_key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

# $new_key is a list of words.
# shellcheck disable=SC2086
openssl req -x509 $new_key -keyout "$folder/ca.key" -out "$folder/ca.pem" -days "$days" \
  -subj "/O=koeval test/CN=koeval test authority" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
  2>/dev/null

# issue NAME SUBJECT EXTENSIONS: a key and a certificate of the authority.
issue() {
  # shellcheck disable=SC2086
  openssl req $new_key -keyout "$folder/$1.key" -out "$folder/$1.csr" -subj "$2" 2>/dev/null
  printf '%s\n' "$3" >"$folder/$1.ext"
  openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
    -set_serial "0x$(openssl rand -hex 16)" -days "$days" -extfile "$folder/$1.ext" \
    -out "$folder/$1.pem" 2>/dev/null
  rm "$folder/$1.csr" "$folder/$1.ext"
}

issue server "/O=koeval test/CN=localhost" \
  "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
extendedKeyUsage=serverAuth"
for role in reader submitter operator worker; do
  issue "$role" "/O=koeval test/OU=$role/CN=test-$role" "extendedKeyUsage=clientAuth"
done
issue nobody "/O=koeval test/CN=test-nobody" "extendedKeyUsage=clientAuth"
