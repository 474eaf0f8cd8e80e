#!/bin/sh
# Says whether _PAGE_USER of a DMA-mapped page is cleared. Runs in the guest, as root, with verify_pte.ko loaded; needs
# nothing beyond busybox.
set -eu

readonly PROC=/proc/verify_pte
readonly CLEARED=0 BAD=1 UNDETERMINED=2

usage() {
  cat <<'END'
usage: test_verify.sh ADDR       a virtual address (hexadecimal), looked up in the process that has VFIO open
       test_verify.sh PID:ADDR   the same in that process
       test_verify.sh --dmesg    the address in the kernel log's last "VFIO: Clearing _PAGE_USER" line
       test_verify.sh --check    only whether the verify_pte module can be used
       test_verify.sh --help
exit:  0  cleared (--check: usable)
       1  still set (user mode reaches the page), or the module is not usable
       2  undetermined: wrong usage, no such page, or it is not present
END
}

finish() { # status, what to say
  status=$1
  shift
  if [ "$status" -eq "$CLEARED" ]; then
    printf '%s\n' "$*"
  else
    printf '%s\n' "$*" >&2
  fi
  exit "$status"
}

check() {
  [ -e "$PROC" ] || finish "$BAD" "FAIL: $PROC is not there: insmod verify_pte.ko (built for kernel $(uname -r))"
  if [ ! -r "$PROC" ] || [ ! -w "$PROC" ]; then
    finish "$BAD" "FAIL: $PROC may not be used by $(id -un 2>/dev/null || id -u): be root"
  fi
}

is_hex() {
  case ${1#0x} in
  '' | *[!0-9a-fA-F]*) return 1 ;;
  esac
  [ "${#1}" -le 18 ]
}

# Whether process $1 maps address $2 (with 0x).
maps() {
  while IFS=' -' read -r from to _; do
    if [ $((0x$from)) -le $(($2)) ] && [ $(($2)) -lt $((0x$to)) ]; then
      return 0
    fi
  done 2>/dev/null <"/proc/$1/maps"
  return 1
}

# Prints the processes that have VFIO open and map the address. One ls for all, as a process per descriptor takes seconds
# in an emulated guest; it prints "/proc/PID/fd:" before each folder's links.
owners() {
  # shellcheck disable=SC2012  # busybox find prints no link targets
  ls -l /proc/[0-9]*/fd 2>/dev/null |
    sed -n -e 's#^/proc/\([0-9]*\)/fd:$#\1#p' -e 's#.* -> /dev/vfio/vfio$#open#p' |
    while read -r word; do
      if [ "$word" != open ]; then
        pid=$word
      elif [ "$pid" != "${found:-}" ] && maps "$pid" "$1"; then
        found=$pid
        printf '%s\n' "$pid"
      fi
    done
}

verify() { # ADDR or PID:ADDR
  query=$1
  case $query in
  *:*) pid=${query%%:*} address=${query#*:} ;;
  *) pid='' address=$query ;;
  esac
  case $pid in
  *[!0-9]*) finish "$UNDETERMINED" "UNDETERMINED: '$pid' is no process number" ;;
  esac
  is_hex "$address" || finish "$UNDETERMINED" "UNDETERMINED: '$address' is no hexadecimal address"
  address=0x${address#0x}
  if [ -z "$pid" ]; then
    pid=$(owners "$address")
    case $pid in
    '') finish "$UNDETERMINED" "UNDETERMINED: no process with VFIO open maps $address: name it as PID:ADDR" ;;
    *[!0-9]*)
      pid=$(printf '%s' "$pid" | tr '\n' ' ')
      finish "$UNDETERMINED" "UNDETERMINED: several processes map $address, name one as PID:ADDR: $pid"
      ;;
    esac
  fi

  # One open file for both, so that nobody else's query can come between.
  exec 3<>"$PROC"
  printf '%s:%s\n' "$pid" "$address" >&3 || finish "$UNDETERMINED" "UNDETERMINED: $PROC refused $pid:$address"
  answer=$(cat <&3) || finish "$UNDETERMINED" "UNDETERMINED: $PROC could not be read"
  exec 3>&-
  printf '%s\n' "$answer"

  case $answer in
  Error:*) finish "$UNDETERMINED" "UNDETERMINED: ${answer#Error: }" ;;
  *'PTE Present: No'*) finish "$UNDETERMINED" "UNDETERMINED: the page at $address is not present" ;;
  *'_PAGE_USER bit: CLEARED'*) finish "$CLEARED" "PASS: _PAGE_USER is cleared at $address of process $pid" ;;
  *'_PAGE_USER bit: SET'*)
    finish "$BAD" "FAIL: _PAGE_USER is still set at $address of process $pid:" \
      'is the kernel (or vfio_iommu_type1) with the change loaded, is the address mapped for DMA, and did nothing make' \
      'the entry anew since (mprotect, MADV_DONTNEED, fork)?'
    ;;
  *) finish "$UNDETERMINED" "UNDETERMINED: $PROC answered something unknown" ;;
  esac
}

[ $# -eq 1 ] || {
  usage >&2
  exit "$UNDETERMINED"
}
case $1 in
--help | -h) usage ;;
--check)
  check
  finish "$CLEARED" "PASS: $PROC is usable"
  ;;
--dmesg)
  check
  address=$(dmesg | sed -n 's/.*VFIO: Clearing _PAGE_USER at vaddr \(0x[0-9a-f]*\),.*/\1/p' | tail -n 1)
  [ -n "$address" ] || finish "$UNDETERMINED" 'UNDETERMINED: the kernel log names no address that VFIO cleared'
  verify "$address"
  ;;
-*)
  usage >&2
  exit "$UNDETERMINED"
  ;;
*)
  check
  verify "$1"
  ;;
esac
