package report

import "testing"

// lines are command lines that show what options do.
const lines = `
	lvs
	lvs -a
	vgs
	pvs
	pvs -a
	lvs -v
	vgs -v
	pvs -v
	lvs --segments
	lvs -a --segments -v
	pvs --segments
	pvs --segments -v
	lvs v
	lvs v/lin
	pvs -a -o name
	pvs -o name
	lvs -o name
	lvs -o size,vgname,lv_Name
	lvs -o +devices
	lvs -o+seg_start,seg_size
	lvs -a -o+seg_pe_ranges,seg_le_ranges
	vgs -o+lv_name
	vgs -o+pv_name
	vgs -o+seg_start
	vgs -o+pvseg_start
	vgs -o+lv_name,devices
	pvs -o+lv_name
	pvs -o+segtype
	pvs -o+pvseg_start
	pvs --segments -o+lv_name
	pvs -o pv_name,vg_free
	pvs -o pv_name,pv_uuid,dev_size
	lvs -o lv_name,vg_name,lv_name
	lvs -o-lv_name,vg_name
	lvs -o-lv_name -o+lv_size
	lvs -o lv_name -o+lv_size -o-lv_name
	lvs -o-lv_all
	lvs -o-
	lvs -o+
	lvs -o lv_name,
	lvs -o+lv_size -o lv_name
	lvs -o#pool_lv
	lvs -o#lv_name
	lvs -o#pool_lv,data_percent -o+lv_tags
	lvs -o lv_name,pool_lv,data_percent,vg_name,lv_tags -o#lv_tags,data_percent
	lvs -a -o lv_name,lv_size -O lv_size
	lvs -a -o lv_name,lv_size -O -lv_size
	lvs -a -o lv_name,lv_size -O lv_size,-lv_name
	lvs -a -o lv_name,lv_size -O +lv_size,-lv_name
	lvs -o lv_name -O lv_attr,lv_name
	lvs -o lv_name -O -lv_time,lv_name
	pvs -O -pv_free
	lvs --noheadings
	lvs --noheadings --nosuffix --units b
	lvs --units k
	lvs --units s --nosuffix
	lvs --units H
	lvs --units 4m
	lvs --units M --nosuffix -o+seg_size,chunk_size,lv_read_ahead,lv_kernel_read_ahead
	vgs --units g
	pvs --units b -o+pv_used,pe_start,pv_mda_free
	pvs -a -o name,used,size --units r
	pvs -a -o name,used,size --nosuffix --units r
	pvs -a -o name,used,size --units R
	pvs -a -o name,used,size --nosuffix --units R
	pvs -a -o name,used,size --units h
	pvs -a -o name,used,size --nosuffix --units h
	pvs -a -o name,used,size --units H
	pvs -a -o name,used,size --nosuffix --units H
	pvs -a -o name,used,size --units b
	pvs -a -o name,used,size --nosuffix --units b
	pvs -a -o name,used,size --units s
	pvs -a -o name,used,size --nosuffix --units s
	pvs -a -o name,used,size --units k
	pvs -a -o name,used,size --nosuffix --units k
	pvs -a -o name,used,size --units M
	pvs -a -o name,used,size --nosuffix --units M
	pvs -a -o name,used,size --units 4m
	pvs -a -o name,used,size --nosuffix --units 4m
	pvs -a -o name,used,size --units 2s
	pvs -a -o name,used,size --nosuffix --units 2s
	lvs --separator ,
	lvs --separator '  '
	lvs --separator ''
	lvs --separator , --aligned
	lvs --noheadings --separator : --aligned
	vgs -o vg_name,vg_tags --separator '||'
	lvs --nameprefixes
	lvs --nameprefixes --unquoted
	lvs --nameprefixes --noheadings --separator ,
	lvs --nameprefixes --aligned
	lvs --nameprefixes --rows
	lvs --nameprefixes --unquoted --rows --noheadings
	lvs --rows
	lvs --rows --noheadings --separator :
	lvs --rows --aligned
	pvs --rows --units k
	lvs -a -o lv_name,lv_active_locally,lv_fixed_minor,lv_suspended,zero --binary
	lvs -a -o lv_name,lv_active_locally,lv_fixed_minor,lv_suspended,zero
	vgs -o+vg_extendable,vg_partial,vg_exported --binary
	pvs -o+pv_allocatable,pv_missing,pv_in_use --binary --nameprefixes
	lvs --unbuffered
	lvs -a --unbuffered -o lv_name
	vgs --unbuffered -o+vg_uuid
	lvs --reportformat json
	lvs -a --reportformat json
	vgs --reportformat json -o+lv_name
	pvs --reportformat json -o+vg_tags,pv_tags
	pvs --segments --reportformat json
	lvs --segments --reportformat json --units b --nosuffix
	lvs --reportformat json --binary -o name,lv_fixed_minor,lv_tags
	lvs --config report/compact_output=1
	lvs --config report/compact_output=1 -a -o+lv_tags,lv_parent
	lvs --config report/compact_output=1 --reportformat json
	lvs --config report/compact_output=1 --nameprefixes
	lvs --config report/compact_output=1 --rows
	vgs --config report/list_item_separator=";" -o vg_name,vg_tags
	lvs --config report/time_format=%s -o name,time
	lvs -a --config report/mark_hidden_devices=0
	fullreport
	fullreport v
	fullreport --configreport lv -o lv_name --configreport vg -S vg_name=v --configreport pv -O -pv_name
	fullreport --configreport seg -o-seg_all --configreport pvseg -o pvseg_start --configreport vg -o vg_name
`

func TestKernelReports(t *testing.T) {
	w := newWorld(t, 4, 64<<20)
	w.compare(everything)
	w.run("pvcreate " + w.disks[2])
	w.run("vgcreate -s 1M --addtag b --addtag a v " + w.disks[0] + " " + w.disks[1])
	w.run("lvcreate -y -L8M -n lin v; lvcreate -y -i2 -L8M -n st v; lvcreate -an -y -L4M --addtag x -pr -n off v")
	w.compare(everything)
	w.compare(lines)
}
