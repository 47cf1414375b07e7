package service

import (
	"strings"

	"evident/lightclient/evidence"
)

// kinds are the media types that a page may show, and as what. Whatever could
// carry a program, such as HTML and SVG, is text at most.
var kinds = map[string]string{
	"image/png": "image", "image/jpeg": "image", "image/gif": "image", "image/webp": "image", "image/avif": "image", "image/bmp": "image",
	"video/mp4": "video", "video/webm": "video", "video/ogg": "video", "video/quicktime": "video",
	"audio/mpeg": "audio", "audio/mp4": "audio", "audio/ogg": "audio", "audio/wav": "audio", "audio/x-wav": "audio", "audio/webm": "audio",
	"audio/flac": "audio", "audio/aac": "audio",
	"application/pdf":  "pdf",
	"application/json": "text", "application/xml": "text", "image/svg+xml": "text",
}

// KindOf says what a file may be shown as, by what its author said it is.
func KindOf(media, name string) string {
	media = MediaOf(media, name)
	if kind, ok := kinds[media]; ok {
		return kind
	}
	if strings.HasPrefix(media, "text/") {
		return "text"
	}
	return "other"
}

// MediaOf is the media type that was recorded, or the one that the name suggests.
func MediaOf(media, name string) string {
	media, _, _ = strings.Cut(strings.ToLower(media), ";")
	if media == "" || media == "application/octet-stream" {
		return evidence.MediaType(name)
	}
	return media
}
