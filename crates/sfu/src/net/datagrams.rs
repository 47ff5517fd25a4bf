//! The system calls that neither the standard library nor rustix has. All unsafe code of the crate is here.
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

/// Room for one control message, of the size of segments or of the local address, aligned as a `cmsghdr`.
type Control = [u64; 4];

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
            controls: vec![[0; 4]; count],
        }
    }
}

/// What the kernel tells of a datagram.
pub(super) struct Taken {
    /// Bytes of it in the buffer.
    pub length: usize,
    /// Whether it was longer than the buffer.
    pub cut: bool,
    /// The address it was sent to, on a socket for which [`tell_local`] was called.
    pub local: Option<Ipv4Addr>,
}

/// Takes the datagrams that are there, one into each buffer, at most as many as `headers` is for. `each` is told the
/// place and the datagram.
pub(super) fn receive<const N: usize>(
    socket: &UdpSocket,
    headers: &mut Headers,
    buffers: &mut [[u8; N]],
    names: &mut [Name],
    mut each: impl FnMut(usize, Taken),
) -> io::Result<usize> {
    headers.messages.clear();
    headers.pieces.clear();
    let count = buffers.len().min(names.len()).min(headers.pieces.capacity());
    let controls = headers.controls.iter_mut();
    for ((buffer, name), control) in buffers.iter_mut().zip(names.iter_mut()).zip(controls).take(count) {
        headers.pieces.push(libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: N,
        });
        // SAFETY: all-zero bytes are a valid `mmsghdr`: integers and null pointers.
        let mut message: libc::mmsghdr = unsafe { mem::zeroed() };
        message.msg_hdr.msg_name = (&raw mut name.storage).cast();
        message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t;
        message.msg_hdr.msg_control = control.as_mut_ptr().cast();
        message.msg_hdr.msg_controllen = mem::size_of::<Control>() as _;
        headers.messages.push(message);
    }
    let pieces = headers.pieces.as_mut_ptr();
    for (n, message) in headers.messages.iter_mut().enumerate() {
        // SAFETY: there is one piece for each message, so `n` is within the vector.
        message.msg_hdr.msg_iov = unsafe { pieces.add(n) };
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: `messages` has `count` headers; each points to one piece, which points to a buffer of N bytes, to a name
    // and to a control block of the sizes given. All of them live until the call returns, and nothing else uses them
    // meanwhile.
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
        let taken = Taken {
            length: (message.msg_len as usize).min(N),
            cut: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            local: local(&message.msg_hdr),
        };
        each(n, taken);
    }
    Ok(received)
}

/// The local address in the control message that the kernel wrote, if it wrote one.
fn local(header: &libc::msghdr) -> Option<Ipv4Addr> {
    // SAFETY: the kernel has set `msg_controllen` to what it wrote into the control block, which lives as long as the
    // `Headers` that the header is part of. `CMSG_FIRSTHDR` gives null where that is no whole header.
    let first = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    if (first.cmsg_level, first.cmsg_type) != (libc::IPPROTO_IP, libc::IP_PKTINFO) {
        return None;
    }
    // SAFETY: for this level and type the kernel writes an `in_pktinfo`, and the control block has room for it.
    let info = unsafe { libc::CMSG_DATA(first).cast::<libc::in_pktinfo>().read_unaligned() };
    Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()))
}

/// Lets the kernel tell from now on to which local address datagrams come.
pub(super) fn tell_local(socket: &UdpSocket) -> io::Result<()> {
    let (value, length): (libc::c_int, libc::socklen_t) = (1, 4);
    // SAFETY: `value` has the four bytes that `length` says, and lives until the call returns.
    let answer = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_PKTINFO,
            (&raw const value).cast(),
            length,
        )
    };
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sends one datagram from one of several local addresses.
pub(super) fn send_from(socket: &UdpSocket, from: Ipv4Addr, to: &Name, datagram: &[u8]) -> io::Result<()> {
    let mut piece = libc::iovec {
        iov_base: datagram.as_ptr().cast_mut().cast(),
        iov_len: datagram.len(),
    };
    let mut control: Control = [0; 4];
    // SAFETY: all-zero bytes are a valid `msghdr`: integers and null pointers.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_name = (&raw const to.storage).cast_mut().cast();
    header.msg_namelen = to.length;
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    let size = mem::size_of::<libc::in_pktinfo>() as libc::c_uint;
    // SAFETY: arithmetic only.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
    // SAFETY: all-zero bytes are a valid `in_pktinfo`: it has integers only.
    let mut info: libc::in_pktinfo = unsafe { mem::zeroed() };
    info.ipi_spec_dst.s_addr = u32::from_ne_bytes(from.octets());
    // SAFETY: `msg_control` points to 32 bytes aligned to 8, and `msg_controllen` is CMSG_SPACE(12) = 32, so that the
    // first header and its twelve bytes of data lie within.
    unsafe {
        let cmsg = libc::CMSG_FIRSTHDR(&raw const header);
        (*cmsg).cmsg_level = libc::IPPROTO_IP;
        (*cmsg).cmsg_type = libc::IP_PKTINFO;
        (*cmsg).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(cmsg)
            .cast::<libc::in_pktinfo>()
            .write_unaligned(info);
    }
    // SAFETY: the header points to a name, a piece and a control block that live until the call returns; the kernel only
    // reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
    if sent < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
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
