//! The two system calls that neither the standard library nor rustix has. All unsafe code of the crate is here.
#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

/// A socket address as the kernel takes it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    storage: libc::sockaddr_in6,
    length: libc::socklen_t,
}

impl Name {
    pub const EMPTY: Self = Self {
        // SAFETY: all-zero bytes are a valid `sockaddr_in6`: it has integers only.
        storage: unsafe { mem::zeroed() },
        length: 0,
    };

    pub fn new(address: SocketAddr) -> Self {
        let mut name = Self::EMPTY;
        match address {
            SocketAddr::V4(address) => {
                // SAFETY: all-zero bytes are a valid `sockaddr_in`: it has integers only.
                let mut storage: libc::sockaddr_in = unsafe { mem::zeroed() };
                storage.sin_family = libc::AF_INET as libc::sa_family_t;
                storage.sin_port = address.port().to_be();
                storage.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
                // SAFETY: `sockaddr_in6` is larger than `sockaddr_in` and as strictly aligned, and any bytes are valid
                // for both.
                unsafe { (&raw mut name.storage).cast::<libc::sockaddr_in>().write(storage) };
                name.length = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            SocketAddr::V6(address) => {
                name.storage.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                name.storage.sin6_port = address.port().to_be();
                name.storage.sin6_flowinfo = address.flowinfo();
                name.storage.sin6_addr.s6_addr = address.ip().octets();
                name.storage.sin6_scope_id = address.scope_id();
                name.length = mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            }
        }
        name
    }

    pub fn address(&self) -> Option<SocketAddr> {
        match libc::c_int::from(self.storage.sin6_family) {
            libc::AF_INET => {
                // SAFETY: as in `new`; the kernel or `new` wrote a `sockaddr_in` here, for the family says so.
                let storage = unsafe { (&raw const self.storage).cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(storage.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddrV4::new(ip, u16::from_be(storage.sin_port)).into())
            }
            libc::AF_INET6 => {
                let storage = &self.storage;
                let ip = Ipv6Addr::from(storage.sin6_addr.s6_addr);
                let port = u16::from_be(storage.sin6_port);
                let scope = storage.sin6_scope_id;
                Some(SocketAddrV6::new(ip, port, storage.sin6_flowinfo, scope).into())
            }
            _ => None,
        }
    }
}

/// Room for the control message with the size of segments, aligned as a `cmsghdr`.
type Control = [u64; 3];

/// What the kernel writes and reads, kept so that a call allocates nothing. The pointers in it are good only while one
/// of the functions below runs.
pub(super) struct Headers {
    messages: Vec<libc::mmsghdr>,
    pieces: Vec<libc::iovec>,
    controls: Vec<Control>,
}

// SAFETY: the pointers in the headers are written anew by each call before the kernel reads them, and never read by
// anybody else.
unsafe impl Send for Headers {}

impl Headers {
    /// For up to `count` datagrams in one call.
    pub fn new(count: usize) -> Self {
        Self {
            messages: Vec::with_capacity(count),
            pieces: Vec::with_capacity(count),
            controls: vec![[0; 3]; count],
        }
    }
}

/// Takes the datagrams that are there, one into each buffer, at most as many as `headers` is for. `each` is told the
/// place, the length and whether it was cut.
pub(super) fn receive<const N: usize>(
    socket: &UdpSocket,
    headers: &mut Headers,
    buffers: &mut [[u8; N]],
    names: &mut [Name],
    mut each: impl FnMut(usize, usize, bool),
) -> io::Result<usize> {
    headers.messages.clear();
    headers.pieces.clear();
    let count = buffers.len().min(names.len()).min(headers.pieces.capacity());
    for (buffer, name) in buffers.iter_mut().zip(names.iter_mut()).take(count) {
        headers.pieces.push(libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: N,
        });
        // SAFETY: all-zero bytes are a valid `mmsghdr`: integers and null pointers.
        let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
        message.msg_hdr.msg_name = (&raw mut name.storage).cast();
        message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        headers.messages.push(message);
    }
    let pieces = headers.pieces.as_mut_ptr();
    for (n, message) in headers.messages.iter_mut().enumerate() {
        // SAFETY: there is one piece for each message, so `n` is within the vector.
        message.msg_hdr.msg_iov = unsafe { pieces.add(n) };
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: `messages` has `count` headers; each points to one piece, which points to a buffer of N bytes, and to a
    // name of the size given. All of them live until the call returns, and nothing else uses them meanwhile.
    let received = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.messages.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
        )
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for (n, message) in headers.messages.iter().take(received).enumerate() {
        let cut = message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        each(n, (message.msg_len as usize).min(N), cut);
    }
    Ok(received)
}

/// One call's worth of a datagram, or of a run of them that the kernel or the network card takes apart.
pub(super) struct Message<'a> {
    pub to: &'a Name,
    /// Length of each but the last, where there are several.
    pub segment: Option<u16>,
    /// How many pieces it has.
    pub pieces: usize,
}

/// Sends messages, whose pieces follow each other in `pieces`. Gives the number of messages sent; an error is that of
/// the first.
pub(super) fn send<'a>(
    socket: &UdpSocket,
    headers: &mut Headers,
    messages: impl Iterator<Item = Message<'a>>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    headers.messages.clear();
    headers.pieces.clear();
    let most = headers.pieces.capacity();
    for piece in pieces.take(most) {
        headers.pieces.push(libc::iovec {
            iov_base: piece.as_ptr().cast_mut().cast(),
            iov_len: piece.len(),
        });
    }
    let first = headers.pieces.as_mut_ptr();
    let mut used = 0;
    for (message, control) in messages.zip(headers.controls.iter_mut()) {
        if used + message.pieces > headers.pieces.len() {
            break;
        }
        // SAFETY: all-zero bytes are a valid `mmsghdr`: integers and null pointers.
        let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_name = (&raw const message.to.storage).cast_mut().cast();
        header.msg_hdr.msg_namelen = message.to.length;
        // SAFETY: `used + message.pieces` has just been checked to be within the vector.
        header.msg_hdr.msg_iov = unsafe { first.add(used) };
        header.msg_hdr.msg_iovlen = message.pieces as _;
        used += message.pieces;
        if let Some(segment) = message.segment {
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            // SAFETY: arithmetic only.
            header.msg_hdr.msg_controllen = unsafe { libc::CMSG_SPACE(2) } as _;
            // SAFETY: `msg_control` points to 24 bytes aligned to 8, and `msg_controllen` is CMSG_SPACE(2) = 24, so that
            // the first header and its two bytes of data lie within.
            unsafe {
                let cmsg = libc::CMSG_FIRSTHDR(&raw const header.msg_hdr);
                (*cmsg).cmsg_level = libc::SOL_UDP;
                (*cmsg).cmsg_type = libc::UDP_SEGMENT;
                (*cmsg).cmsg_len = libc::CMSG_LEN(2) as _;
                libc::CMSG_DATA(cmsg).cast::<u16>().write_unaligned(segment);
            }
        }
        headers.messages.push(header);
    }
    // SAFETY: each header points to a name, to pieces of byte slices, and to a control block, which all are borrowed for
    // the length of this call; the kernel only reads them.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.messages.as_mut_ptr(),
            headers.messages.len() as libc::c_uint,
            libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Whether the kernel takes runs of datagrams apart.
pub(super) fn segments(socket: &UdpSocket) -> bool {
    let (mut value, mut length): (libc::c_int, libc::socklen_t) = (0, 4);
    // SAFETY: `value` has the four bytes that `length` says, and both live until the call returns.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    answer == 0
}
