package transfer

import (
	"testing"

	"evident/lightclient"
)

func TestRefusal(t *testing.T) {
	for _, tt := range []struct {
		status   int
		body     string
		full     bool
		sentence string
	}{
		{507, `{"error":{"code":"full","message":"no room","hint":"elsewhere"}}`, true, "no room; elsewhere"},
		{507, "garbage", true, ""},
		{429, `{"error":{"code":"quota","message":"used up","hint":"wait"}}`, true, "used up; wait"},
		{429, `{"error":{"code":"busy","message":"busy","hint":"later"}}`, false, "busy; later"},
		{429, "garbage", false, ""},
		{200, `{"error":{"code":"quota"}}`, false, ""},
		{503, `{"error":{"code":"full"}}`, false, ""},
	} {
		sentence, full := refusal(lightclient.Answer{Status: tt.status, Body: []byte(tt.body)})
		if full != tt.full || sentence != tt.sentence {
			t.Errorf("%d %s: got %q, %v", tt.status, tt.body, sentence, full)
		}
	}
}
