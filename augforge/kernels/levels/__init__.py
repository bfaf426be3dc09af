"""Kernels that change gray levels and backgrounds: noise, blur, tables, paper."""
