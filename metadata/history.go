package metadata

func (d *decoder) history(l list) (history []*HistoricalLV) {
	names := map[string]struct{}{}
	d.kind, d.name = "vg", "historical_logical_volumes"
	d.sections("historical_logical_volumes", l, func(e item) {
		d.kind, d.name = "historical lv", e.key
		if _, twice := names[e.key]; twice {
			d.fail("name", e.key, "unique")
		}
		names[e.key] = struct{}{}
		h := &HistoricalLV{Name: e.key}
		d.require(e.entries(), "id")
		h.Extra = d.fields(e.entries(), func(f item) bool {
			switch f.key {
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
		history = append(history, h)
	})
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
