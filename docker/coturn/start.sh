#!/bin/sh
# Starts the relay once the reverse proxy has a certificate for its name, and has it read anew when it was renewed.
# DOMAIN: the public name. TURN_SECRET: shared with the server. TURN_PEER: the server's address. CERTIFICATES: the proxy's folder of
# certificates, or one with DOMAIN.crt and DOMAIN.key. RUN_FOLDER (/run): for what is written.
set -eu
here=$(dirname "$0")
run=${RUN_FOLDER:-/run}
umask 077

certificate() { find "$CERTIFICATES" -name "$DOMAIN.crt" 2>/dev/null | head -n 1; }

while [ -z "$(certificate)" ]; do
  echo "waiting for the certificate of $DOMAIN in $CERTIFICATES"
  sleep 2
done
crt=$(certificate)
{
  cat "$here/turnserver.conf"
  echo "realm=$DOMAIN"
  echo "static-auth-secret=$TURN_SECRET"
  echo "allowed-peer-ip=$TURN_PEER"
  echo "cert=$crt"
  echo "pkey=${crt%.crt}.key"
  echo "userdb=$run/turndb"
} >"$run/turnserver.conf"

turnserver -c "$run/turnserver.conf" &
relay=$!
trap 'kill "$relay" 2>/dev/null; wait "$relay"; exit 0' TERM INT

seen=$(cksum <"$crt")
while kill -0 "$relay" 2>/dev/null; do
  sleep 10 &
  wait $! || true
  now=$(cksum <"$crt")
  if [ "$now" != "$seen" ]; then
    seen=$now
    kill -USR2 "$relay"
  fi
done
wait "$relay"
