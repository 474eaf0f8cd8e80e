# usage, as ssh's ProxyCommand with ProxyUseFdpass: perl dial.pl HOST PORT
#
# Connects, turns Nagle's algorithm off and hands the connection to ssh, which turns it off only after login. Until then two short
# packets in a row (SSH_MSG_NEWKEYS and the request that follows it) cost 40 ms: the second one waits for an acknowledgement, which
# the kernel at the other end, QEMU's user network, delays (TCP_DELACK_MIN, include/net/tcp.h).
#
# Perl is part of every Debian (perl-base), starts in 3 ms and can make a system call that its core has no function for.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY);

my ($host, $port) = @ARGV;
my $address = inet_aton($host) or die "no address of $host\n";
socket(my $connection, AF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
connect($connection, pack_sockaddr_in($port, $address)) or die "connect to $host port $port: $!\n";
setsockopt($connection, IPPROTO_TCP, TCP_NODELAY, 1) or die "TCP_NODELAY: $!\n";

# sendmsg(2) on stdout with one byte and SCM_RIGHTS: struct iovec, struct cmsghdr with one descriptor, struct msghdr, x86-64 layout.
my $sendmsg = 46;
my $byte = "\0";
my $iovec = pack('P Q', $byte, length $byte);
my $control = pack('Q i i i x4', 20, SOL_SOCKET, SCM_RIGHTS, fileno $connection);
my $message = pack('Q Q P Q P Q Q', 0, 0, $iovec, 1, $control, length $control, 0);
syscall($sendmsg, 1, $message, 0) == length $byte or die "sendmsg: $!\n";
