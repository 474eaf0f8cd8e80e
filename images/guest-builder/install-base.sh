#!/bin/sh
# Makes a Debian of package files that were only unpacked over each other: run in a container whose root they are, with the files
# in /debs. What remains is a base image.
set -eu
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# No package may start a service while it is installed, nor later: nothing runs in an image.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d

# The packages' scripts need users and groups before base-passwd's own has made them.
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
# The whole set at once: dpkg finds the order in which they are set up. Documentation is left out, as in Debian's own slim images.
dpkg --force-depends --force-unsafe-io \
    --path-exclude='/usr/share/doc/*' --path-exclude='/usr/share/man/*' --path-exclude='/usr/share/locale/*' \
    --install /debs/*.deb
rm -rf /debs
rm -f /var/cache/ldconfig/aux-cache /var/log/dpkg.log /var/log/alternatives.log

audit=$(dpkg --audit)
if [ -n "$audit" ]; then
    printf 'install-base: not every package is set up:\n%s\n' "$audit" >&2
    exit 1
fi
