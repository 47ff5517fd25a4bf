"""A call of GStreamer's webrtcbin: offers sound and pictures, and counts what it decodes of what comes.

Usage: peer.py ENCODER PAYLOADER CAPS, of which the payloader gives the payload type 96.
Writes {"sdp": its offer, with all candidates}, reads {"sdp": the answer}, then writes {"decoded": pictures, "sound":
buffers} every half second until its input ends.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

encoder, payloader, caps = sys.argv[1:]
Gst.init(None)
counts = {"decoded": 0, "sound": 0}


def say(what):
    print(json.dumps(what), flush=True)


pipeline = Gst.parse_launch(
    "webrtcbin name=peer bundle-policy=max-bundle "
    "audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample ! opusenc ! rtpopuspay pt=111 ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000 ! peer. "
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
    f"{encoder} ! {payloader} ! application/x-rtp,media=video,payload=96,clock-rate=90000,{caps} ! peer."
)
peer = pipeline.get_by_name("peer")


def counted(_pad, _info, name):
    counts[name] += 1
    return Gst.PadProbeReturn.OK


def decoded(_element, pad):
    video = pad.get_current_caps().to_string().startswith("video")
    sink = Gst.ElementFactory.make("fakesink")
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.add_probe(Gst.PadProbeType.BUFFER, counted, "decoded" if video else "sound")
    pad.link(sink.get_static_pad("sink"))


def arrives(_element, pad):
    if pad.direction != Gst.PadDirection.SRC:
        return
    decoder = Gst.ElementFactory.make("decodebin")
    decoder.connect("pad-added", decoded)
    pipeline.add(decoder)
    decoder.sync_state_with_parent()
    pad.link(decoder.get_static_pad("sink"))


def offered(promise):
    promise.wait()
    # The offer belongs to the reply, and goes with it.
    reply = promise.get_reply()
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def gathered(element, _property):
    if element.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        say({"sdp": element.get_property("local-description").sdp.as_text()})


def answers():
    for line in sys.stdin:
        _, message = GstSdp.SDPMessage.new_from_text(json.loads(line)["sdp"])
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        peer.emit("set-remote-description", answer, Gst.Promise.new())
    loop.quit()


def failed(_bus, message):
    error, detail = message.parse_error()
    say({"error": f"{error.message}: {detail}"})


def report():
    say(counts)
    return True


peer.connect("on-negotiation-needed", lambda element: element.emit(
    "create-offer", None, Gst.Promise.new_with_change_func(offered)))
peer.connect("notify::ice-gathering-state", gathered)
peer.connect("pad-added", arrives)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", failed)
pipeline.set_state(Gst.State.PLAYING)
loop = GLib.MainLoop()
threading.Thread(target=answers, daemon=True).start()
GLib.timeout_add(500, report)
loop.run()
pipeline.set_state(Gst.State.NULL)
