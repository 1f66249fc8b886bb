package metadata

func (d *decoder) history(entries []Entry) []*HistoricalLV {
	entries = d.onlySections("historical_logical_volumes", entries)
	history := make([]*HistoricalLV, 0, len(entries))
	names := make(map[string]struct{}, len(entries))
	for i := range entries {
		e := &entries[i]
		d.kind, d.name, d.segment = "historical lv", e.Key, ""
		if _, twice := names[e.Key]; twice {
			d.fail("name", e.Key, "unique")
		}
		names[e.Key] = struct{}{}
		h := &HistoricalLV{Name: e.Key}
		d.require(e.entries, "id")
		h.Extra = d.fields(e.entries, func(f *Entry) bool {
			switch f.Key {
			case "id":
				h.ID = d.id(f)
			case "creation_time":
				h.CreationTime = d.time(f)
			case "removal_time":
				h.RemovalTime = d.time(f)
			case "origin":
				h.Origin = d.text(f)
			case "descendants":
				h.Descendants = d.texts(f)
			default:
				return false
			}
			return true
		})
		if d.err != nil {
			return nil
		}
		history = append(history, h)
	}
	return history
}

func (w *recordPrinter) history() {
	if len(w.vg.History) == 0 {
		return
	}
	w.record("historical_logical_volumes", nil, func() {
		for _, h := range w.vg.History {
			w.blank(1)
			w.record(h.Name, h.Extra, func() {
				w.id("id", &h.ID)
				if !h.CreationTime.IsZero() {
					w.date("creation_time", h.CreationTime)
				}
				if !h.RemovalTime.IsZero() {
					w.date("removal_time", h.RemovalTime)
				}
				w.optional("origin", h.Origin)
				if len(h.Descendants) != 0 {
					w.texts("descendants", h.Descendants)
				}
			})
		}
	})
}
